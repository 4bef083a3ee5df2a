"""How long an answer takes, in a quiet process and in a busy one."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from actors.runtime import AsyncioRef
from bench.counters import Counter, stop_all
from bench.report import quantile

ASKS = 5_000
BACKGROUND_PER_S = 10_000


async def measure() -> dict[str, float]:
    """Ask one actor again and again, alone and among a thousand that hear 10,000 messages a second."""
    ref = Counter.start()
    idle = await _ask_times_us(ref)
    others = [Counter.start() for _ in range(1_000)]
    noise = asyncio.create_task(_background(others))
    loaded = await _ask_times_us(ref, pause_s=0.0005)
    noise.cancel()
    await stop_all([ref, *others])
    return {
        "ask_us_p50": round(quantile(idle, 0.5), 1),
        "ask_us_p99": round(quantile(idle, 0.99), 1),
        "ask_at_10k_per_s_us_p50": round(quantile(loaded, 0.5), 1),
        "ask_at_10k_per_s_us_p99": round(quantile(loaded, 0.99), 1),
    }


async def _ask_times_us(ref: AsyncioRef[Any], pause_s: float | None = None) -> list[float]:
    times: list[float] = []
    for _ in range(ASKS):
        started = time.perf_counter()
        await ref.request("count", 5.0)
        times.append((time.perf_counter() - started) * 1e6)
        if pause_s is not None:
            await asyncio.sleep(pause_s)
    return times


async def _background(refs: Sequence[AsyncioRef[Any]]) -> None:
    """Tell at a steady rate, in small portions every millisecond."""
    loop = asyncio.get_running_loop()
    started, sent = loop.time(), 0
    while True:
        due = int((loop.time() - started) * BACKGROUND_PER_S)
        for number in range(sent, due):
            refs[number % len(refs)].tell(number)
        sent = max(sent, due)
        await asyncio.sleep(0.001)
