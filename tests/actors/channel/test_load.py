"""A channel under load: what it lets settle, limits, holds back and gives up."""

import pytest

from actors.channel.admission import AdmissionPolicy, TurnKey
from actors.channel.messages import RosterChanged, SpeakerLost
from actors.channel.rates import Rate
from actors.models.chat import ChatRequest
from config import metrics
from storage.records import turn_id
from tests.actors.channel.stage import ADA, BOB, Stage, stop_actors  # noqa: F401 - a fixture
from tests.actors.scripted import STAGE, Step

pytestmark = pytest.mark.unit


def named(request: ChatRequest) -> list[Step]:
    return [request.messages[0].content.split(",")[0].removeprefix("You are ")]


async def test_what_calls_nobody_is_answered_once_its_author_has_settled() -> None:
    stage = Stage(named, settle_s=1.5)
    stage.say("so I went")
    assert await stage.settle(1.0) == []
    stage.say("to the sea")
    assert await stage.settle(1.4) == []
    assert await stage.settle(0.2) == ["Ada: Ada"]
    assert "to the sea" in stage.prompts[0]


async def test_a_mention_is_answered_at_once() -> None:
    stage = Stage(named, settle_s=1.5)
    stage.say("@Bob quick")
    assert await stage.settle(0.1) == ["Bob: Bob"]


async def test_who_writes_too_fast_is_told_so_and_has_an_explicit_silence_in_the_ledger() -> None:
    stage = Stage(named, user=Rate(20.0, 1.0))
    before = metrics.shed.labels("user_rate")._value.get()
    stage.say("@Ada one")
    await stage.settle()
    second = stage.say("@Bob two")
    await stage.settle()
    assert stage.outlet.finals == ["Ada: Ada"]
    assert "faster than we can answer" in stage.outlet.remarks[0]
    assert stage.turns.reasons[turn_id(second.id, BOB.id)] == "rate limited"
    assert metrics.shed.labels("user_rate")._value.get() - before == 1


async def test_a_turn_that_has_to_wait_for_others_begins_when_there_is_room() -> None:
    stage = Stage(named, bounds=AdmissionPolicy(at_once=1))
    elsewhere = TurnKey(1, ADA.id, 1)
    stage.admission.ask(elsewhere, direct=True)
    stage.say("@Bob hello")
    assert await stage.settle(100.0) == []
    stage.admission.leave(elsewhere)
    assert await stage.settle() == ["Bob: Bob"]
    assert stage.admission.inside == 0


async def test_chatter_that_finds_no_room_in_time_is_silent_with_its_reason() -> None:
    stage = Stage(named, bounds=AdmissionPolicy(at_once=1, wait_s=30.0))
    stage.admission.ask(TurnKey(1, ADA.id, 1), direct=True)
    said = stage.say("anybody here?")
    await stage.settle(31.0)
    assert stage.turns.reasons[turn_id(said.id, ADA.id)] == "waited too long"
    assert stage.outlet.finals == []


async def test_a_character_that_is_taken_away_while_it_waits_makes_room() -> None:
    stage = Stage(named, bounds=AdmissionPolicy(at_once=1))
    stage.admission.ask(TurnKey(1, ADA.id, 1), direct=True)
    said = stage.say("@Bob hello")
    await stage.settle()
    stage.memory.roster = [ADA]
    stage.channel.tell(RosterChanged())
    await stage.settle()
    assert not stage.admission.is_waiting(TurnKey(STAGE.channel_id, BOB.id, said.id))
    assert stage.turns.reasons[turn_id(said.id, BOB.id)] == "removed"


async def test_a_turn_that_waits_outlives_a_crash_of_its_speaker() -> None:
    stage = Stage(named, bounds=AdmissionPolicy(at_once=1))
    elsewhere = TurnKey(1, ADA.id, 1)
    stage.admission.ask(elsewhere, direct=True)
    stage.say("@Bob hello")
    await stage.settle()
    stage.admission.lost(STAGE.channel_id, BOB.id)
    stage.channel.tell(SpeakerLost(BOB.id))
    await stage.settle()
    stage.admission.leave(elsewhere)
    assert await stage.settle() == ["Bob: Bob"]
