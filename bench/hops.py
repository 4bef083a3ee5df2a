"""How many messages a second pass from actor to actor."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from actors.runtime import AsyncioActor, AsyncioRef
from actors.runtime.memory import calm_collections
from actors.runtime.traffic import Traffic
from bench.counters import stop_all

CHANNELS, PERSONALITIES = 10_000, 1_000
MESSAGES, BURST = 300_000, 10_000


class Tally:
    """Counts for many actors and says when all have heard everything."""

    def __init__(self, expected: int) -> None:
        self.left = expected
        self.complete = asyncio.Event()

    def heard(self) -> None:
        """One message more."""
        self.left -= 1
        if self.left == 0:
            self.complete.set()


class Sink(AsyncioActor):
    """The end of a route."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    @override
    def on_receive(self, message: Any) -> None:
        self._tally.heard()


class Router(AsyncioActor):
    """Passes every message on."""

    def __init__(self, following: AsyncioRef[Any]) -> None:
        super().__init__()
        self._following = following

    @override
    def on_receive(self, message: Any) -> None:
        self._following.tell(message)


async def measure() -> dict[str, float]:
    """Measure actors of no directory, whose mail nobody times, and then as a directory has them."""
    return {**await _rates(None), **await _rates(Traffic("bench"))}


async def _rates(traffic: Traffic | None) -> dict[str, float]:
    suffix = "" if traffic is None else "_timed"
    figures: dict[str, float] = {}
    for name, hops in (("one_hop", 1), ("two_hops", 2)):
        tally = Tally(MESSAGES)
        sinks = [Sink.start(tally) for _ in range(PERSONALITIES)]
        routers = [Router.start(sinks[number % PERSONALITIES]) for number in range(CHANNELS)]
        if traffic is not None:
            refs: list[AsyncioRef[Any]] = [*sinks, *routers]
            for ref in refs:
                ref.mailbox.measure(traffic)
        wall_s, cpu_s = await _send_all(sinks if hops == 1 else routers, tally)
        figures[f"{name}{suffix}_messages_per_s"] = round(MESSAGES / wall_s)
        figures[f"{name}{suffix}_messages_per_cpu_s"] = round(MESSAGES / cpu_s)
        await stop_all([*routers, *sinks])
    return figures


async def _send_all(refs: Sequence[AsyncioRef[Any]], tally: Tally) -> tuple[float, float]:
    """Send in bursts that mailboxes hold; return seconds by the clock and of CPU until all is heard."""
    await refs[-1].request("started", 60.0)
    tally.left = MESSAGES
    with calm_collections():
        wall, cpu = time.perf_counter(), time.thread_time()
        for _ in range(MESSAGES // BURST):
            for number in range(BURST):
                refs[number % len(refs)].tell(number)
            await asyncio.sleep(0)
        await tally.complete.wait()
        return time.perf_counter() - wall, time.thread_time() - cpu
