"""The simplest actor, and what it takes when idle."""

import gc
import time
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from actors.runtime import AsyncioActor, AsyncioRef
from bench.report import rss

IDLE = 100_000


class Counter(AsyncioActor):
    """Counts its messages and answers with the count."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @override
    def on_receive(self, message: Any) -> int:
        self.count += 1
        return self.count


async def measure(keep: list[AsyncioRef[Any]]) -> dict[str, float]:
    """Measure a hundred thousand; `keep` holds them, so that nothing later lives in what they left."""
    before = rss()
    started = time.perf_counter()
    refs = [Counter.start() for _ in range(IDLE)]
    await refs[-1].request("started", 60.0)
    activation_us = (time.perf_counter() - started) / IDLE * 1e6
    idle_bytes = (rss() - before) / IDLE
    for ref in refs:
        ref.tell("hello")
    await refs[-1].request("heard", 60.0)
    used_bytes = (rss() - before) / IDLE
    started = time.perf_counter()
    gc.collect()
    pause_ms = (time.perf_counter() - started) * 1e3
    keep += refs
    return {
        "idle_actor_bytes": round(idle_bytes),
        "idle_actor_after_a_message_bytes": round(used_bytes),
        "activation_us": round(activation_us, 2),
        "unbounded_full_gc_ms": round(pause_ms, 1),
    }


async def stop_all(refs: Sequence[AsyncioRef[Any]]) -> None:
    """Stop actors and wait until all have ended."""
    for end in [ref.stop(block=False) for ref in refs]:
        await end
