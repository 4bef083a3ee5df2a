"""What nobody is at any more goes on while the process runs."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from actors.channel.apologies import Apologies
from actors.channel.late_recovery import LIVES, LateRecovery
from actors.channel.messages import ChannelEvent, MessageCreated, TurnsFound
from actors.channel.recovery import Recovery
from actors.channel.undertaker import Undertaker
from actors.personality.messages import Speak
from actors.personality.notices import reference
from actors.reply.outlet import VenueGoneError
from storage.records import Turn, turn_id
from storage.stores import Stores
from tests.actors.scripted import STAGE, MemoryOutlet, message, personality

pytestmark = pytest.mark.service

ADA = personality("Ada")
NOW = datetime.now(UTC)


class Watch:
    """A late recovery over real stores, and what it told."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.told: list[ChannelEvent] = []
        self.speaking: set[tuple[int, UUID]] = set()
        self.now = NOW
        self.outlet = MemoryOutlet()
        self.apologies = Apologies(stores, self.outlet)
        recovery = Recovery(stores, lambda _, event: self.told.append(event), 900.0)
        self.late = LateRecovery(stores, recovery, self._is_taken, self.apologies.say, lambda: self.now)

    def _is_taken(self, turn: Turn) -> bool:
        return (turn.venue.channel_id, turn.personality_id) in self.speaking

    async def planned(self, text: str = "hello") -> Turn:
        """Let a message be heard and Ada owe it an answer."""
        said = message(text, (NOW - datetime(2024, 1, 1, tzinfo=UTC)).total_seconds(), created_at=NOW)
        await self.stores.messages.record(said)
        await self.stores.turns.consider(said, [ADA.id], at=NOW, deadline=NOW + timedelta(seconds=180))
        turn = await self.stores.turns.get(turn_id(said.id, ADA.id))
        assert turn is not None
        return turn

    async def begun(self) -> Turn:
        turn = await self.planned()
        await self.stores.turns.advance(turn.id, "generating", attempt=1)
        return turn

    async def posted(self, turn: Turn, text: str) -> None:
        await self.stores.deliveries.plan(turn.id, 0)
        await self.stores.deliveries.posting(turn.id, 0, 5)
        await self.stores.deliveries.posted(turn.id, 0, 77)
        await self.stores.deliveries.checkpoint(turn.id, 0, text)

    async def look(self, times: int = 1) -> list[type[ChannelEvent]]:
        for _ in range(times):
            await self.late.look()
        return [type(event) for event in self.told]


@pytest.fixture
async def watch(stores: Stores) -> Watch:
    await stores.personalities.create(ADA)
    return Watch(stores)


async def test_a_turn_that_nobody_is_at_goes_on_when_it_was_found_twice(watch: Watch) -> None:
    await watch.begun()
    assert await watch.look() == []
    assert await watch.look() == [TurnsFound]


async def test_a_turn_that_is_being_spoken_is_left_alone(watch: Watch) -> None:
    await watch.begun()
    watch.speaking.add((STAGE.channel_id, ADA.id))
    assert await watch.look(3) == []


async def test_a_turn_that_waits_is_left_alone_until_its_deadline(watch: Watch) -> None:
    await watch.planned()
    assert await watch.look(3) == []
    watch.now = NOW + timedelta(seconds=181)
    assert await watch.look(2) == [TurnsFound]


async def test_what_a_crashed_channel_had_in_mind_goes_on(watch: Watch) -> None:
    await watch.planned()
    watch.late.crashed(STAGE.channel_id)
    assert await watch.look(2) == [TurnsFound]


async def test_a_turn_that_is_left_again_and_again_becomes_a_dead_letter(watch: Watch) -> None:
    turn = await watch.begun()
    await watch.look(LIVES + 3)
    (letter,) = await watch.stores.dead_letters.list("open")
    assert (letter.id, letter.reason) == (turn.id, "poison")
    assert len(watch.told) == LIVES


async def test_people_are_told_once_of_a_turn_that_is_given_up(watch: Watch) -> None:
    turn = await watch.begun()
    await watch.look(LIVES + 5)
    (said,) = watch.outlet.finals
    assert said.startswith("Ada: Ada coughs.\n-# ")
    assert said.endswith(f"ref: {reference(turn.id)}")


async def test_what_is_visible_of_a_turn_that_is_given_up_is_closed(watch: Watch) -> None:
    turn = await watch.begun()
    await watch.posted(turn, "Good even")
    await watch.look(LIVES + 3)
    assert watch.outlet.finals == ["Ada: Good even"]
    assert (watch.outlet.deliveries[0].footer or "").startswith("broken off: ")


async def test_an_apology_that_stands_already_is_not_made_again(watch: Watch) -> None:
    turn = await watch.begun()
    await watch.posted(turn, "Ada coughs.")
    await watch.stores.deliveries.final(turn.id, 0, "Ada coughs.")
    await watch.apologies.say(turn)
    assert watch.outlet.deliveries == []


async def test_a_turn_that_nobody_can_be_told_of_is_given_up_all_the_same(watch: Watch) -> None:
    watch.outlet.refuse = VenueGoneError()
    await watch.begun()
    await watch.look(LIVES + 3)
    assert len(await watch.stores.dead_letters.list("open")) == 1


async def test_a_turn_that_only_waits_is_never_given_up(watch: Watch) -> None:
    await watch.planned()
    watch.late.crashed(STAGE.channel_id)
    await watch.look(LIVES + 3)
    assert await watch.stores.dead_letters.list("open") == []


async def test_people_are_told_of_a_turn_that_killed_its_speaker(watch: Watch) -> None:
    turn = await watch.planned()
    said = await watch.stores.messages.get(turn.message_id)
    assert said is not None
    undertaker = Undertaker(watch.stores, watch.apologies)
    order = Speak(speaker=ADA, answering=(said,), seen_at=1.0)
    undertaker.bury_order((STAGE.channel_id, ADA.id), order, KeyError("a bug"), LIVES)
    await undertaker.done()
    (letter,) = await watch.stores.dead_letters.list("open")
    assert letter.id == turn.id
    assert [said.split("\n")[0] for said in watch.outlet.finals] == ["Ada: Ada coughs."]


async def test_a_turn_that_an_operator_wants_tried_again_goes_on_at_once(watch: Watch) -> None:
    turn = await watch.begun()
    await watch.stores.turns.fail(turn, reason="ModelUnavailableError")
    await watch.stores.dead_letters.retry(turn.id, NOW + timedelta(seconds=180))
    watch.now = NOW + timedelta(days=2)
    assert await watch.look() == [TurnsFound]


async def test_a_message_that_killed_its_channel_is_kept_and_can_be_told_again(watch: Watch) -> None:
    turn = await watch.planned()
    said = await watch.stores.messages.get(turn.message_id)
    assert said is not None
    undertaker = Undertaker(watch.stores, watch.apologies)
    undertaker.bury_event(STAGE.channel_id, MessageCreated(message=said, seen_at=1.0), KeyError("a bug"), 3)
    await undertaker.done()
    (letter,) = await watch.stores.dead_letters.list("open")
    assert (letter.attempts, letter.errors[0].type) == (3, "KeyError")
    await watch.stores.dead_letters.retry(letter.id, NOW)
    assert await watch.look(3) == [MessageCreated]
