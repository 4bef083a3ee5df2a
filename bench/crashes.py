"""How soon a key speaks again after its actor has failed, with everything that is written of it."""

import os
import time
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

from typing_extensions import override

from actors.runtime import AsyncioActor, Directory
from actors.runtime.child import ActorHandle, actor_child
from bench.report import quantile
from config.logs import configure_logging
from supervision import Backoff, Policy, Supervisor

CRASHES = 500


class Fatal:
    """A message that kills whoever reads it first."""

    has_killed = False


class Fragile(AsyncioActor):
    """Fails of what is fatal, answers everything else."""

    @override
    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Fatal) and not message.has_killed:
            message.has_killed = True
            raise ValueError
        return message


async def measure() -> dict[str, float]:
    """From the message that kills an actor to the answer of its successor to the one behind it."""
    with _logs_of_production():
        times = await _in_directory()
        handled = await _behind_handle()
    return {
        "crash_to_answer_us_p50": round(quantile(times, 0.5), 1),
        "crash_to_answer_us_p99": round(quantile(times, 0.99), 1),
        "supervised_crash_to_answer_us_p50": round(quantile(handled, 0.5), 1),
    }


@contextmanager
def _logs_of_production() -> Generator[None, None, None]:
    """Write what the service would write, as it would, into a file that keeps nothing."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
        configure_logging("json", "info")
        yield
    configure_logging("json", "warning")


async def _in_directory() -> list[float]:
    """Each key fails once, as channels do: the message is repeated, and the one behind it is answered."""
    directory: Directory[int, Fragile] = Directory(lambda _: Fragile.start(), kind="fragile")
    times: list[float] = []
    for key in range(CRASHES):
        await directory.ask(key, "live", 5.0)
        started = time.perf_counter()
        directory.tell(key, Fatal())
        await directory.ask(key, "behind the crash", 5.0)
        times.append((time.perf_counter() - started) * 1e6)
    await directory.stop()
    return times


async def _behind_handle() -> list[float]:
    """The same of an actor under a supervisor."""
    handle = ActorHandle("fragile", lives=1)
    policy = Policy(intensity=CRASHES, period_s=60.0, backoff=Backoff(healthy_s=0.0))
    root = await Supervisor("bench", [actor_child("fragile", Fragile.start, handle=handle)], policy).start()
    times: list[float] = []
    for _ in range(CRASHES):
        started = time.perf_counter()
        handle.tell(Fatal())
        await handle.ask("behind the crash", 5.0)
        times.append((time.perf_counter() - started) * 1e6)
    await root.stop()
    return times
