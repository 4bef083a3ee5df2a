"""What channels cost that nobody writes in."""

import time

from actors.channel.company import Company
from actors.channel.window import Window
from bench.company import WINDOW, Text, company_of, fall_quiet, messages, noise, prose, wake
from bench.report import quantile, rss

RESIDENT = 4_000
WAVE = 50
UNPACKS = 1_000


async def measure(keep: list[Company]) -> dict[str, float]:
    """Measure channels of both kinds of text; `keep` holds all, so that none lives in what others left."""
    return {
        **await _resident(prose, "", keep),
        **await _resident(noise, "_of_noise", keep),
        **_unpack_times(),
    }


async def _resident(text: Text, suffix: str, keep: list[Company]) -> dict[str, float]:
    """Channels are heard and fall quiet wave after wave, as most of them are at rest at any time."""
    company = company_of(text)
    keep.append(company)
    await _live(company, range(1 << 40, (1 << 40) + WAVE))
    before = rss()
    for first in range(2 << 40, (2 << 40) + RESIDENT, WAVE):
        await _live(company, range(first, first + WAVE))
    per_channel = (rss() - before) / RESIDENT
    return {
        f"resident_channel{suffix}_bytes": round(per_channel),
        f"resident_channels{suffix}_per_gb": round(2**30 / per_channel),
    }


async def _live(company: Company, channel_ids: range) -> None:
    wake(company, channel_ids)
    await fall_quiet(company, channel_ids)


def _unpack_times() -> dict[str, float]:
    window = Window(WINDOW, messages(1, WINDOW, prose))
    packing: list[float] = []
    unpacking: list[float] = []
    for _ in range(UNPACKS):
        started = time.perf_counter()
        window.pack()
        packed = time.perf_counter()
        window.get(0)
        unpacking.append((time.perf_counter() - packed) * 1e6)
        packing.append((packed - started) * 1e6)
    return {
        "window_pack_us_p50": round(quantile(packing, 0.5), 1),
        "window_unpack_us_p50": round(quantile(unpacking, 0.5), 1),
        "window_unpack_us_p99": round(quantile(unpacking, 0.99), 1),
    }
