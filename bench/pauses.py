"""How long full collections hold up a stage whose channels came after its start."""

import gc
import random
import time
from types import TracebackType
from typing import Any, Self

from actors.channel.company import Company
from actors.runtime.memory import calm_collections
from bench.company import NOTHING, company_of, fall_quiet, prose, wake
from bench.report import quantile

SIZES = (20_000, 100_000)
WAVE = 500
ROUNDS = 50
FIRST = 3 << 40


class Stopwatch:
    """Times the full collections while it is entered, in milliseconds."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self._began = 0.0

    def __enter__(self) -> Self:
        gc.callbacks.append(self._look)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        gc.callbacks.remove(self._look)

    def _look(self, phase: str, info: dict[str, Any]) -> None:
        if info["generation"] < 2:
            return
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self.pauses.append((time.perf_counter() - self._began) * 1e3)


async def measure() -> dict[str, float]:
    """Let a company grow, and look at it at two sizes while people write here and there."""
    company = company_of(prose)
    figures: dict[str, float] = {}
    with calm_collections(), Stopwatch() as growth:
        size = 0
        for goal in SIZES:
            await _grow(company, size, goal)
            size = goal
            figures |= await _evening(company, size)
        figures["full_gc_ms_max"] = round(max(growth.pauses), 1)
        figures["thaw_ms_at_100k_channels"] = round(_thaw_ms(), 1)
    await company.stop(0.0, budget_s=60.0)
    return figures


async def _grow(company: Company, size: int, goal: int) -> None:
    for first in range(FIRST + size, FIRST + goal, WAVE):
        channels = range(first, first + WAVE)
        wake(company, channels)
        await fall_quiet(company, channels)


async def _evening(company: Company, size: int) -> dict[str, float]:
    """Some channels hear something and fall quiet again; collections come by themselves and on demand."""
    dice = random.Random(size)
    with Stopwatch() as watch:
        for _ in range(ROUNDS):
            lively = dice.sample(range(FIRST, FIRST + size), WAVE)
            wake(company, lively)
            await company.channels.ask(lively[-1], NOTHING, 60.0)
            gc.collect()
            await fall_quiet(company, lively)
    name = f"at_{size // 1000}k_channels"
    return {
        f"full_gc_ms_p50_{name}": round(quantile(watch.pauses, 0.5), 1),
        f"full_gc_ms_p99_{name}": round(quantile(watch.pauses, 0.99), 1),
    }


def _thaw_ms() -> float:
    started = time.perf_counter()
    gc.unfreeze()
    gc.collect()
    return (time.perf_counter() - started) * 1e3
