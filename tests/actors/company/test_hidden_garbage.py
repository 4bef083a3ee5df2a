"""Channels come, speak and go while collections freeze what they find alive: they leave nothing behind."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from actors.channel.company import Company
from actors.channel.messages import MessageCreated
from actors.runtime.memory import calm_collections
from config.settings import Settings
from storage.records import Venue
from storage.stores import Stores
from tests.actors.scripted import FixedVoice, MemoryOutlet, ScriptedChat, message, personality

pytestmark = pytest.mark.service

ADA = personality("Ada")
CHANNELS, TURNS, WARM_UP = 5, 60, 10


class Stage:
    """A company that answers, and is put to rest after every answer."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self.outlet = MemoryOutlet()
        settings = Settings(settle_s=0.0, user_turns_per_min=0.0, guild_turns_per_min=0.0)
        self.company = Company(stores, ScriptedChat(["Good evening."]), FixedVoice(), self.outlet, settings)

    async def open(self) -> None:
        await self._stores.personalities.create(ADA)
        for channel_id in range(1, CHANNELS + 1):
            await self._stores.rosters.add(channel_id, ADA.id)

    async def live(self, number: int) -> None:
        """Let one channel hear something, answer it and go to rest."""
        channel_id = number % CHANNELS + 1
        said = message("@Ada hello", number, venue=Venue(channel_id=channel_id))
        await self._stores.messages.record(said)
        self.company.tell(channel_id, MessageCreated(message=said, seen_at=0.0))
        async with asyncio.timeout(20):
            while len(self.outlet.finals) <= number or self.company.turns_in_flight:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        self.company.channels.passivate(channel_id)
        self.company.personalities.passivate((channel_id, ADA.id))


@pytest.fixture
async def stage(stores: Stores) -> AsyncIterator[Stage]:
    built = Stage(stores)
    await built.open()
    yield built
    await built.company.stop(0.0)


@pytest.fixture
async def restless_collections() -> AsyncIterator[None]:
    """Look for garbage all the time, so that everything is frozen while it lives."""

    async def collect() -> None:
        while True:
            gc.collect()
            await asyncio.sleep(0.003)

    with calm_collections():
        work = asyncio.create_task(collect())
        yield
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


@pytest.mark.usefixtures("restless_collections")
async def test_a_thaw_finds_less_than_an_object_per_turn(stage: Stage) -> None:
    for number in range(WARM_UP):
        await stage.live(number)
    gc.unfreeze()
    gc.collect()
    for number in range(WARM_UP, WARM_UP + TURNS):
        await stage.live(number)
    await asyncio.sleep(0.1)

    gc.unfreeze()
    assert gc.collect() < TURNS
