"""The setting for how many channels are in memory holds for the company of the service."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from actors.channel.company import Company
from actors.channel.messages import MessageCreated
from config.settings import Settings
from storage.records import Venue
from storage.stores import Stores
from tests.actors.scripted import FixedVoice, MemoryOutlet, ScriptedChat, message, personality

pytestmark = pytest.mark.service

ADA = personality("Ada")
ROOM = 3
CHANNELS = range(100, 110)


class House:
    """Channels in which one character answers, with room for few of them."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self.outlet = MemoryOutlet()
        settings = Settings(settle_s=0.0, live_channels=ROOM, user_turns_per_min=0.0, guild_turns_per_min=0.0)
        self.company = Company(stores, ScriptedChat(["Good evening."]), FixedVoice(), self.outlet, settings)

    async def open(self) -> None:
        await self._stores.personalities.create(ADA)
        for channel_id in CHANNELS:
            await self._stores.rosters.add(channel_id, ADA.id)

    async def talk(self, channel_id: int, second: int) -> None:
        """Say something and wait for the answer."""
        said = message("@Ada hello", second, venue=Venue(channel_id=channel_id))
        await self._stores.messages.record(said)
        answers = len(self.outlet.finals)
        self.company.tell(channel_id, MessageCreated(message=said, seen_at=0.0))
        async with asyncio.timeout(20):
            while len(self.outlet.finals) == answers or self.company.turns_in_flight:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def settled(self) -> None:
        """Wait until nobody is left who is on the way out."""
        async with asyncio.timeout(20):
            while max(len(self.company.channels), len(self.company.personalities)) > ROOM:
                self.company.channels.sweep()
                self.company.personalities.sweep()
                await asyncio.sleep(0.01)


@pytest.fixture
async def house(stores: Stores) -> AsyncIterator[House]:
    built = House(stores)
    await built.open()
    yield built
    await built.company.stop(0.0)


async def test_those_where_people_wrote_last_stay(house: House) -> None:
    for second, channel_id in enumerate(CHANNELS):
        await house.talk(channel_id, second)
    await house.settled()
    assert sorted(house.company.channels) == list(CHANNELS)[-ROOM:]


async def test_so_do_their_characters(house: House) -> None:
    for second, channel_id in enumerate(CHANNELS):
        await house.talk(channel_id, second)
    await house.settled()
    assert sorted(house.company.personalities) == [(channel_id, ADA.id) for channel_id in CHANNELS[-ROOM:]]


async def test_a_channel_that_rests_answers_again(house: House) -> None:
    for second, channel_id in enumerate([*CHANNELS, CHANNELS[0]]):
        await house.talk(channel_id, second)
    assert len(house.outlet.finals) == len(CHANNELS) + 1
