"""What channels cost that nobody writes in, and whether coming and going leaves anything behind."""

import asyncio
import gc
import random
import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pydoc_data.topics import topics
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import psutil
from typing_extensions import override

from actors.channel.company import Company
from actors.channel.messages import MessagesDeleted
from actors.channel.window import Window
from actors.runtime import AsyncioActor, AsyncioRef, Directory
from actors.runtime.envelope import Quiet
from bench.report import quantile
from config.settings import Settings
from storage.records import Author, Message, Personality, Venue
from storage.stores import Stores

RESIDENT = 4_000
WAVE = 50
WINDOW, TEXT, CAST = 50, 200, 3
UNPACKS = 1_000
LIVES, WARM_UP = 1_000_000, 100_000
KEYS, SAMPLES = 200, 18

Text = Callable[[random.Random], str]
PROSE = re.sub(r"\s+", " ", " ".join(topics.values()))
"""English as people write it: the manual that comes with Python."""
NOISE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ."


def prose(dice: random.Random) -> str:
    """Return a text of `TEXT` characters from anywhere in the manual."""
    start = dice.randrange(len(PROSE) - TEXT)
    return PROSE[start : start + TEXT]


def noise(dice: random.Random) -> str:
    """Return `TEXT` characters that no compression makes much shorter."""
    return "".join(dice.choices(NOISE, k=TEXT))


class Said:
    """A transcript that makes each message anew, as a database does."""

    def __init__(self, text: Text) -> None:
        self._text = text

    async def window(self, channel_id: int, limit: int) -> list[Message]:
        """Return the newest messages of a channel."""
        return messages(channel_id, limit, self._text)


class Casts:
    """Rosters with characters of their own in every channel."""

    async def of(self, channel_id: int) -> list[Personality]:
        """Return the characters of a channel."""
        dice = random.Random(channel_id)
        return [
            Personality(id=UUID(int=dice.getrandbits(128)), name="somebody", slug="somebody", who=prose(dice))
            for _ in range(CAST)
        ]


def messages(channel_id: int, count: int, text: Text) -> list[Message]:
    """Make what was said in a channel."""
    dice = random.Random(channel_id)
    return [
        Message(
            id=(channel_id << 22) + number,
            venue=Venue(channel_id=channel_id, guild_id=channel_id >> 3, name="a channel"),
            author=Author(id=dice.getrandbits(60), name="somebody"),
            text=text(dice),
            created_at=datetime.now(UTC),
        )
        for number in range(count)
    ]


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
    await _fall_quiet(company, range(1 << 40, (1 << 40) + WAVE))
    before = _rss()
    for first in range(2 << 40, (2 << 40) + RESIDENT, WAVE):
        await _fall_quiet(company, range(first, first + WAVE))
    per_channel = (_rss() - before) / RESIDENT
    return {
        f"resident_channel{suffix}_bytes": round(per_channel),
        f"resident_channels{suffix}_per_gb": round(2**30 / per_channel),
    }


def company_of(text: Text) -> Company:
    """Make the company of the service, over stores that only know what was said and who lives where."""
    stores = Stores(cast("Any", None))
    stores.messages, stores.rosters = cast("Any", Said(text)), cast("Any", Casts())
    nobody = cast("Any", SimpleNamespace(remark=None))
    return Company(stores, nobody, nobody, nobody, Settings(window_messages=WINDOW))


async def _fall_quiet(company: Company, channel_ids: Iterable[int]) -> None:
    """Wake channels by an event that changes nothing, then tell them what the directory does in a minute."""
    for channel_id in channel_ids:
        company.tell(channel_id, MessagesDeleted(message_ids=(0,)))
    refs = [ref for channel_id, ref in company.channels.refs() if channel_id in channel_ids]
    await _settle(refs)
    for ref in refs:
        ref.signal(Quiet())
    await _settle(refs)


async def _settle(refs: list[AsyncioRef[Any]]) -> None:
    while any(ref.busy for ref in refs):  # noqa: ASYNC110 - nothing tells when an actor is idle
        await asyncio.sleep(0)


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


async def churn() -> dict[str, float]:
    """Start and put to rest a million actors; memory is looked at again and again after a warm-up."""
    directory: Directory[int, Visitor] = Directory(lambda _: Visitor.start(), kind="churn")
    await _live(directory, WARM_UP)
    first = _rss()
    started = time.perf_counter()
    drift = 0.0
    for _ in range(SAMPLES):
        await _live(directory, (LIVES - WARM_UP) // SAMPLES)
        drift = max(drift, abs(_rss() - first) / first * 100)
    life_us = (time.perf_counter() - started) / (LIVES - WARM_UP) * 1e6
    await directory.stop()
    return {
        "churn_lives": LIVES,
        "churn_rss_drift_percent": round(drift, 2),
        "churn_life_us": round(life_us, 1),
    }


async def _live(directory: Directory[int, Visitor], lives: int) -> None:
    for _ in range(lives // KEYS):
        for key in range(KEYS):
            directory.tell(key, "hello")
            directory.passivate(key)
        while len(directory):  # noqa: ASYNC110 - nothing tells when all have left
            await asyncio.sleep(0)


def _rss() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)
