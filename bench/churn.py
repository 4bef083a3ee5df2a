"""Whether coming and going leaves anything behind."""

import asyncio
import gc
import time
from typing import Any

from typing_extensions import override

from actors.runtime import AsyncioActor, Directory
from actors.runtime.memory import calm_collections
from bench.report import rss

LIVES, WARM_UP = 1_000_000, 100_000
KEYS, SAMPLES = 200, 18
COLLECT_EACH = 25


class Visitor(AsyncioActor):
    """Comes with something to carry, hears one thing, and leaves in its own time."""

    @override
    def on_start(self) -> None:
        self._carried = [bytes(500) for _ in range(10)]

    @override
    async def on_stop(self) -> None:  # type: ignore[override] # a hook may be a coroutine
        await asyncio.sleep(0)

    @override
    def on_receive(self, message: Any) -> Any:
        return message


async def measure() -> dict[str, float]:
    """Start and put to rest a million actors; memory is looked at again and again after a warm-up.

    Full collections find some of them alive and freeze them. What a thaw then finds in the end is what
    collections would have missed for hours.
    """
    directory: Directory[int, Visitor] = Directory(lambda _: Visitor.start(), kind="churn")
    with calm_collections():
        await _live(directory, WARM_UP)
        first = rss()
        started = time.perf_counter()
        drift = 0.0
        for _ in range(SAMPLES):
            await _live(directory, (LIVES - WARM_UP) // SAMPLES)
            drift = max(drift, abs(rss() - first) / first * 100)
        life_us = (time.perf_counter() - started) / (LIVES - WARM_UP) * 1e6
        gc.unfreeze()
        hidden = gc.collect()
    await directory.stop()
    return {
        "churn_lives": LIVES,
        "churn_rss_drift_percent": round(drift, 2),
        "churn_life_us": round(life_us, 1),
        "churn_hidden_garbage_objects": hidden,
    }


async def _live(directory: Directory[int, Visitor], lives: int) -> None:
    for wave in range(lives // KEYS):
        for key in range(KEYS):
            directory.tell(key, "hello")
            directory.passivate(key)
        await asyncio.sleep(0)
        if wave % COLLECT_EACH == 0:
            gc.collect()
        while len(directory):  # noqa: ASYNC110 - nothing tells when all have left
            await asyncio.sleep(0)
