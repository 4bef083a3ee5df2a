"""Whoever crashes again and again takes nobody along."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from typing_extensions import override

from actors.channel.company import Company
from actors.channel.messages import MessageCreated
from actors.runtime import CrashLoops, CrashPolicy
from actors.runtime.errors import ActorError
from config.settings import Settings
from storage.records import Message, Personality, Turn, Venue
from storage.stores import Stores
from tests.actors.scripted import FixedVoice, MemoryDelivery, MemoryOutlet, ScriptedChat, message, personality

pytestmark = pytest.mark.service

ADA, BOB = personality("Ada"), personality("Bob")
HERE, THERE = 100, 200
MALLORY = int.from_bytes(b"Mallory")
_seconds = itertools.count()


class Stage(MemoryOutlet):
    """Where Ada breaks whatever speaks for her, here and nowhere else."""

    @override
    def open(self, turn: Turn, speaker: Personality) -> MemoryDelivery:
        if speaker.name == "Ada" and turn.venue.channel_id == HERE:
            raise RuntimeError("a bug")
        return super().open(turn, speaker)

    def answers(self, channel_id: int, speaker: UUID) -> int:
        """Count what somebody has said to the end in a channel."""
        return sum(
            delivery.final is not None
            for delivery in self.deliveries
            if (delivery.turn.venue.channel_id, delivery.turn.personality_id) == (channel_id, speaker)
        )


class House:
    """Two channels with Ada and Bob in each."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.outlet = Stage()
        settings = Settings()
        self.company = Company(stores, ScriptedChat(["Good evening."]), FixedVoice(), self.outlet, settings)

    async def open(self) -> None:
        for person in (ADA, BOB):
            await self.stores.personalities.create(person)
            for channel_id in (HERE, THERE):
                await self.stores.rosters.add(channel_id, person.id)

    async def say(self, channel_id: int, text: str, author: str = "Pip") -> Message:
        said = message(text, next(_seconds), author, venue=Venue(channel_id=channel_id, guild_id=1))
        await self.stores.messages.record(said)
        self.company.tell(channel_id, MessageCreated(message=said, seen_at=0.0))
        return said

    async def wait(self, channel_id: int, speaker: UUID, answers: int) -> None:
        async with asyncio.timeout(20):
            while self.outlet.answers(channel_id, speaker) < answers:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def urn(self, channel_id: int) -> str:
        """Which incarnation of a channel lives."""
        return next(ref.actor_urn for key, ref in self.company.channels.refs() if key == channel_id)


@pytest.fixture
async def house(stores: Stores) -> AsyncIterator[House]:
    built = House(stores)
    await built.open()
    yield built
    await built.company.stop(0.1)


async def test_a_personality_that_always_crashes_takes_down_neither_its_channel_nor_its_neighbours(
    house: House,
) -> None:
    await house.say(HERE, "@Bob hello")
    await house.wait(HERE, BOB.id, 1)
    channel = house.urn(HERE)
    for count in range(1, 7):
        await house.say(HERE, "@Ada @Bob hello", f"Pip {count}")
        await house.say(THERE, "@Ada @Bob hello", f"Pip {count}")
        await house.wait(HERE, BOB.id, 1 + count)
        await house.wait(THERE, ADA.id, count)
        await house.wait(THERE, BOB.id, count)
    assert house.outlet.answers(HERE, ADA.id) == 0
    assert house.urn(HERE) == channel


async def test_a_round_goes_on_without_a_speaker_that_rests(house: House) -> None:
    resting = CrashPolicy(intensity=1, rest_s=1_000.0)
    house.company.personalities._crashes = CrashLoops(resting, draw=lambda: 0.5)
    for count in range(1, 5):
        await house.say(HERE, "@Ada @Bob hello", f"Pip {count}")
        await house.wait(HERE, BOB.id, count)
    assert house.company.personalities.delay((HERE, ADA.id)) > 900.0
    async with asyncio.timeout(10):
        while house.company.turns_in_flight > 0:  # noqa: ASYNC110 - Bob's last words are still being kept
            await asyncio.sleep(0.01)


async def test_a_message_that_always_crashes_its_channel_holds_up_neither_it_nor_others(house: House) -> None:
    crashes: list[int] = []
    read = house.stores.personalities.directory

    async def directory(viewer_id: int | None) -> object:
        if viewer_id == MALLORY:
            crashes.append(viewer_id)
            raise RuntimeError("a bug")
        return await read(viewer_id)

    house.stores.personalities.directory = directory  # type: ignore[method-assign]
    await house.say(HERE, "@Nobody", "Mallory")
    await house.say(HERE, "@Bob hello")
    await house.say(THERE, "@Bob hello")
    await house.wait(THERE, BOB.id, 1)
    await house.wait(HERE, BOB.id, 1)
    assert len(crashes) == 3


async def test_a_channel_that_never_starts_leaves_the_others_alone(house: House) -> None:
    read, tried = house.stores.rosters.of, 0

    async def of(channel_id: int) -> list[Personality]:
        nonlocal tried
        if channel_id == HERE:
            tried += 1
            raise RuntimeError("a bug")
        return await read(channel_id)

    house.stores.rosters.of = of  # type: ignore[method-assign]
    for count in range(1, 21):
        try:
            await house.say(HERE, "hello")
        except ActorError:
            pytest.fail("A channel that waits takes messages.")
        await house.say(THERE, "@Bob hello", f"Pip {count}")
        await house.wait(THERE, BOB.id, count)
    assert house.outlet.answers(THERE, BOB.id) == 20
    assert tried < 20
