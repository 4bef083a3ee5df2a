"""What a company does at its start with what an earlier one left in the ledger."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from actors.channel.company import Company
from config.settings import Settings
from storage.records import Message, Personality, Turn, TurnState, turn_id
from storage.stores import Stores
from tests.actors.scripted import FixedVoice, MemoryOutlet, ScriptedChat, message, personality

pytestmark = pytest.mark.service

ADA, BOB = personality("Ada"), personality("Bob", first_message="Bob is here.")


class Morning:
    """A ledger as an earlier process left it, and the company that wakes up with it."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.model = ScriptedChat(["Good evening."])
        self.outlet = MemoryOutlet()
        self.company = Company(stores, self.model, FixedVoice(), self.outlet, Settings(settle_s=0.0))

    async def said(self, text: str, minutes_ago: float = 0.0, number: int = 0) -> Message:
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        known = replace(message(text, number), created_at=at)
        await self.stores.messages.record(known)
        return known

    async def turn(
        self, said: Message, speaker: Personality, state: TurnState = "planned", minutes_ago: float = 0.0
    ) -> Turn:
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        made = Turn(
            id=turn_id(said.id, speaker.id),
            message_id=said.id,
            personality_id=speaker.id,
            venue=said.venue,
            author_id=said.author.id,
            deadline=at + timedelta(minutes=3),
            created_at=at,
        )
        await self.stores.turns.plan(made)
        for step in ("generating", "delivering")[: ("planned", "generating", "delivering").index(state)]:
            await self.stores.turns.advance(made.id, step, attempt=1)
        return made

    async def posted(self, turn: Turn, text: str) -> None:
        await self.stores.deliveries.plan(turn.id, 0)
        await self.stores.deliveries.posting(turn.id, 0, 5)
        await self.stores.deliveries.posted(turn.id, 0, 77)
        await self.stores.deliveries.checkpoint(turn.id, 0, text)

    async def wake_up(self) -> list[str]:
        """Recover, wait until the ledger has nothing left to do, and return all final texts."""
        await self.company.recover()
        async with asyncio.timeout(20):
            while await self.stores.turns.unfinished() or await self.stores.messages.unconsidered():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.outlet.finals

    async def outcome(self, turn: Turn) -> tuple[str, str | None]:
        kept = await self.stores.turns.get(turn.id)
        assert kept is not None
        return kept.state, kept.reason


@pytest.fixture
async def morning(stores: Stores) -> AsyncIterator[Morning]:
    for person in (ADA, BOB):
        await stores.personalities.create(person)
    made = Morning(stores)
    yield made
    await made.company.stop(0.1)


async def test_a_message_nobody_decided_about_is_answered(morning: Morning) -> None:
    await morning.said("@Ada hello")
    assert await morning.wake_up() == ["Ada: Good evening."]


async def test_an_old_message_nobody_decided_about_is_only_learnt(morning: Morning) -> None:
    await morning.said("@Ada hello", minutes_ago=16)
    assert await morning.wake_up() == []


async def test_turns_that_only_waited_are_spoken_in_their_order(morning: Morning) -> None:
    said = await morning.said("@Bob @Ada hello")
    now = datetime.now(UTC)
    await morning.stores.turns.consider(said, [BOB.id, ADA.id], at=now, deadline=now)
    assert await morning.wake_up() == ["Bob: Good evening.", "Ada: Good evening."]


async def test_a_turn_that_waited_too_long_ends_in_silence(morning: Morning) -> None:
    turn = await morning.turn(await morning.said("@Ada hello", 16), ADA, minutes_ago=16)
    assert await morning.wake_up() == []
    assert await morning.outcome(turn) == ("silent", "too old")


@pytest.mark.parametrize("state", ["generating", "delivering"])
async def test_a_turn_that_had_begun_is_run_again(morning: Morning, state: TurnState) -> None:
    turn = await morning.turn(await morning.said("@Ada hello"), ADA, state)
    await morning.posted(turn, "Good")
    assert await morning.wake_up() == ["Ada: Good evening."]
    history = await morning.stores.turns.history(turn.id)
    assert [(change.state, change.attempt) for change in history][-3:] == [
        ("generating", 2),
        ("delivering", 2),
        ("done", 2),
    ]


async def test_the_turn_that_had_begun_comes_before_those_that_waited(morning: Morning) -> None:
    waiting = await morning.turn(await morning.said("@Ada first"), ADA, minutes_ago=1)
    begun = await morning.turn(await morning.said("@Ada second", number=1), ADA, "generating")
    await morning.wake_up()
    deliveries = [delivery.turn.id for delivery in morning.outlet.deliveries]
    assert deliveries == [begun.id, waiting.id]


async def test_a_turn_of_a_deleted_character_that_nobody_saw_ends_in_silence(morning: Morning) -> None:
    turn = await morning.turn(await morning.said("@Ada hello"), ADA)
    await morning.stores.personalities.delete(ADA.id, by=1)
    assert await morning.wake_up() == []
    assert await morning.outcome(turn) == ("silent", "deleted")


async def test_the_visible_words_of_a_deleted_character_are_closed(morning: Morning) -> None:
    turn = await morning.turn(await morning.said("@Ada hello"), ADA, "delivering")
    await morning.posted(turn, "Good even")
    await morning.stores.personalities.delete(ADA.id, by=1)
    assert await morning.wake_up() == ["Ada: Good even"]
    assert morning.outlet.deliveries[0].footer == "Ada has left the conversation"
    assert await morning.outcome(turn) == ("done", "deleted")


async def test_an_answer_to_a_message_that_was_deleted_meanwhile_is_closed(morning: Morning) -> None:
    said = await morning.said("@Ada hello")
    turn = await morning.turn(said, ADA, "delivering")
    await morning.posted(turn, "Good even")
    await morning.stores.messages.delete(said.id)
    assert await morning.wake_up() == ["Ada: Good even"]
    assert await morning.outcome(turn) == ("done", "message deleted")


async def test_first_words_that_were_cut_off_are_said(morning: Morning) -> None:
    command = message("Pip invites Bob")
    turn = await morning.turn(command, BOB, "generating")
    assert await morning.wake_up() == ["Bob: Bob is here."]
    assert await morning.outcome(turn) == ("done", None)


async def test_an_empty_ledger_is_left_alone(morning: Morning) -> None:
    assert await morning.wake_up() == []
    assert len(morning.company.channels) == 0
