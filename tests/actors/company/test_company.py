import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from actors.channel.company import Company
from actors.channel.messages import MessageCreated, MessageEdited
from config.settings import Settings
from storage.records import Message, Personality, turn_id
from storage.stores import Stores
from tests.actors.scripted import FixedVoice, MemoryOutlet, ScriptedChat, Step, message, personality

pytestmark = pytest.mark.service

ADA, BOB = personality("Ada"), personality("Bob")
_seconds = itertools.count()


class House:
    """A company over real stores, with a scripted model."""

    def __init__(self, stores: Stores, *script: Step) -> None:
        self.stores = stores
        self.model = ScriptedChat(script)
        self.outlet = MemoryOutlet()
        self.company = Company(stores, self.model, FixedVoice(), self.outlet, Settings(settle_s=0.0))

    async def open(self, *roster: Personality) -> None:
        for person in (ADA, BOB):
            await self.stores.personalities.create(person)
        for person in roster:
            await self.stores.rosters.add(message("").venue.channel_id, person.id)

    async def say(self, text: str) -> Message:
        said = message(text, next(_seconds))
        await self.stores.messages.record(said)
        self.company.tell(said.venue.channel_id, MessageCreated(message=said, seen_at=0.0))
        return said

    async def heard(self) -> None:
        while any(ref.busy for _, ref in self.company.channels.refs()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def finals(self, count: int) -> list[str]:
        async with asyncio.timeout(20):
            while len(self.outlet.finals) < count or self.company.turns_in_flight:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.outlet.finals


@pytest.fixture
async def house(stores: Stores) -> AsyncIterator[House]:
    built = House(stores, "Good evening.")
    yield built
    await built.company.stop(0.1)


async def test_a_message_becomes_an_answer_that_is_kept(house: House) -> None:
    await house.open(ADA)
    said = await house.say("hello")
    await house.finals(1)
    kept = await house.stores.messages.window(said.venue.channel_id, 10)
    states = [change.state for change in await house.stores.turns.history(turn_id(said.id, ADA.id))]
    assert [(one.text, one.personality_id, one.reply_to) for one in kept] == [
        ("hello", None, None),
        ("Good evening.", ADA.id, said.id),
    ]
    assert states == ["planned", "generating", "delivering", "done"]


async def test_a_repeated_event_is_answered_once(house: House) -> None:
    await house.open(ADA)
    said = await house.say("hello")
    await house.finals(1)
    house.company.channels.passivate(said.venue.channel_id)
    house.company.tell(said.venue.channel_id, MessageCreated(message=said, seen_at=0.0))
    await house.say("@Bob hello")
    assert await house.finals(2) == ["Ada: Good evening.", "Bob: Good evening."]


async def test_a_channel_that_rested_knows_its_transcript_again(house: House) -> None:
    await house.open(ADA)
    said = await house.say("the lamp is lit")
    await house.finals(1)
    house.company.channels.passivate(said.venue.channel_id)
    await house.say("@Ada?")
    await house.finals(2)
    prompt = "\n".join(part.content for part in house.model.requests[1].messages)
    assert "the lamp is lit" in prompt
    assert "Good evening." in prompt


async def test_changes_of_roster_and_definition_are_heard(house: House) -> None:
    await house.open()
    said = await house.say("hello?")
    await house.heard()
    await house.stores.rosters.add(said.venue.channel_id, BOB.id)
    house.company.roster_changed(said.venue.channel_id)
    await house.say("hello!")
    await house.finals(1)
    await house.stores.personalities.delete(BOB.id, by=1)
    house.company.personality_changed(BOB.id)
    await house.say("@Ada are you there?")
    assert await house.finals(2) == ["Bob: Good evening.", "Ada: Good evening."]


async def test_a_newcomer_says_its_first_words(house: House) -> None:
    await house.open()
    invited = message("Pip invites Cyn", next(_seconds))
    await house.stores.messages.record(invited)
    cyn = personality("Cyn", first_message="Come in.")
    await house.stores.personalities.create(cyn)
    house.company.greet(cyn, invited)
    house.company.greet(ADA, invited)
    assert await house.finals(1) == ["Cyn: Come in."]


async def test_a_channel_nobody_spoke_in_is_not_woken(house: House) -> None:
    house.company.roster_changed(5)
    assert len(house.company.channels) == 0


async def test_an_edit_is_heard(house: House) -> None:
    await house.open(ADA)
    said = await house.say("I like cats")
    await house.finals(1)
    edit = MessageEdited(message_id=said.id, text="I like bats", edited_at=said.created_at)
    house.company.tell(said.venue.channel_id, edit)
    await house.say("@Ada?")
    await house.finals(2)
    assert "I like bats" in house.model.requests[1].messages[1].content


async def test_a_personality_that_crashes_does_not_hold_up_the_round(house: House) -> None:
    await house.open(ADA, BOB)
    house.model.scripts = [
        lambda request: [60.0] if "You are Ada" in request.messages[0].content else ["Here."]
    ]
    said = await house.say("@Ada @Bob hello")
    async with asyncio.timeout(10):
        while not house.model.requests:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    house.company._crashed((said.venue.channel_id, ADA.id), RuntimeError())
    assert await house.finals(1) == ["Bob: Here."]


async def test_stopping_lets_a_turn_end(stores: Stores) -> None:
    house = House(stores, 0.3, "Good night.")
    await house.open(ADA)
    await house.say("hello")
    while not house.company.turns_in_flight:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    await house.company.stop(10)
    assert house.outlet.finals == ["Ada: Good night."]


async def test_stopping_in_haste_leaves_the_turn_in_the_ledger(stores: Stores) -> None:
    house = House(stores, "Good", 60.0, " night.")
    await house.open(ADA)
    said = await house.say("hello")
    async with asyncio.timeout(10):
        while not (house.outlet.deliveries and house.outlet.deliveries[0].shown):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await house.company.stop(0.0)
    unfinished = await stores.turns.unfinished()
    assert [turn.id for turn in unfinished] == [turn_id(said.id, ADA.id)]
    assert house.outlet.finals == []
