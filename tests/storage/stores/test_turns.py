import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID, uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from storage.records import Author, Message, Personality, Turn, TurnState, Venue, turn_id
from storage.stores import Stores
from storage.stores.turns import IllegalTransitionError

pytestmark = pytest.mark.service

Make = Callable[..., Turn]
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
STATES: tuple[TurnState, ...] = get_args(TurnState)
LEGAL = {
    "planned": {"generating", "failed", "silent"},
    "generating": {"delivering", "failed", "silent"},
    "delivering": {"done", "failed", "silent"},
}
AGAIN = {("generating", "generating"), ("delivering", "generating"), ("failed", "planned")}


async def test_a_turn_comes_back_as_it_was(stores: Stores, turn: Make) -> None:
    made = turn(
        also=(1001, 1002),
        attempt=2,
        reason="mention",
        trace_id="ab" * 16,
        venue=Venue(501, 7, 500, "thread", "aside", nsfw=True),
    )
    assert await stores.turns.plan(made)
    assert await stores.turns.get(made.id) == made
    assert await stores.turns.get(uuid4()) is None


async def test_a_turn_is_planned_once(stores: Stores, turn: Make) -> None:
    plans = await asyncio.gather(*(stores.turns.plan(turn()) for _ in range(8)))
    assert sorted(plans) == [False] * 7 + [True]
    assert len(await stores.turns.history(turn().id)) == 1


async def test_who_answers_is_decided_and_planned_in_one_step(
    stores: Stores, message: Callable[..., Message], lilith: Personality
) -> None:
    said = message()
    await stores.messages.record(said)
    before = await stores.messages.unconsidered()
    await stores.turns.consider(said, [lilith.id], at=NOON, deadline=NOON)
    planned = [turn.id for turn in await stores.turns.unfinished()]
    assert [one.id for one in before] == [said.id]
    assert await stores.messages.unconsidered() == []
    assert planned == [turn_id(said.id, lilith.id)]


async def test_speakers_are_planned_in_their_order(
    stores: Stores, message: Callable[..., Message], personality: Callable[..., Personality]
) -> None:
    people = [personality(name) for name in "ABCDE"]
    for person in people:
        await stores.personalities.create(person)
    said = message()
    await stores.messages.record(said)
    await stores.turns.consider(said, [person.id for person in people], at=NOON, deadline=NOON)
    unfinished = await stores.turns.unfinished()
    assert [turn.personality_id for turn in unfinished] == [person.id for person in people]


async def test_turns_that_nobody_is_to_speak_are_never_open(
    stores: Stores, lilith: Personality, message: Callable[..., Message]
) -> None:
    said = message()
    await stores.messages.record(said)
    await stores.turns.consider(said, [lilith.id], at=NOON, deadline=NOON, silence="rate limited")
    history = await stores.turns.history(turn_id(said.id, lilith.id))
    assert [(change.state, change.reason) for change in history] == [("silent", "rate limited")]
    assert await stores.turns.unfinished() == []
    assert await stores.messages.unconsidered() == []


async def test_only_people_wait_for_a_decision(stores: Stores, message: Callable[..., Message]) -> None:
    await stores.messages.record(message(1, author=Author(9, "Robot", is_bot=True)))
    await stores.messages.record(message(2, personality_id=uuid4()))
    await stores.messages.record(message(3))
    await stores.messages.delete(3)
    assert await stores.messages.unconsidered() == []


@pytest.mark.parametrize("is_planned_first", [True, False])
async def test_a_turn_is_begun_once_and_ends_those_it_collected(
    stores: Stores, turn: Make, message: Callable[..., Message], is_planned_first: bool
) -> None:
    collected = turn(1001)

    async def consider() -> None:
        for number in (1000, 1001):
            said = message(number)
            await stores.messages.record(said)
            await stores.turns.consider(said, [collected.personality_id], at=NOON, deadline=NOON)

    if is_planned_first:
        await consider()
    begun = await stores.turns.begin(turn(also=(1001,)))
    await consider()
    await stores.turns.advance(turn().id, "generating")
    again = await stores.turns.begin(turn())
    kept = await stores.turns.get(collected.id)
    history = await stores.turns.history(turn().id)
    assert (begun, again) == (True, False)
    assert kept is not None
    assert (kept.state, kept.reason) == ("silent", "answered together")
    assert [change.state for change in history] == ["planned", "generating"]
    assert [(one.id, one.also) for one in await stores.turns.unfinished()] == [(turn().id, (1001,))]


async def test_every_change_leaves_its_evidence(stores: Stores, planned: UUID) -> None:
    await stores.turns.advance(planned, "generating", worker="llm-1")
    await stores.turns.advance(planned, "generating", worker="llm-2", attempt=2, reason="worker lost")
    await stores.turns.advance(planned, "delivering")
    await stores.turns.advance(planned, "done", reason="stop")
    history = await stores.turns.history(planned)
    assert [(change.state, change.attempt, change.worker, change.reason) for change in history] == [
        ("planned", 1, None, None),
        ("generating", 1, "llm-1", None),
        ("generating", 2, "llm-2", "worker lost"),
        ("delivering", 2, "llm-2", None),
        ("done", 2, "llm-2", "stop"),
    ]
    assert sorted(change.at for change in history) == [change.at for change in history]


async def test_saying_the_same_state_again_changes_nothing(stores: Stores, planned: UUID) -> None:
    assert await stores.turns.advance(planned, "generating")
    assert not await stores.turns.advance(planned, "generating")
    assert len(await stores.turns.history(planned)) == 2


async def test_an_unknown_turn_cannot_move(stores: Stores) -> None:
    with pytest.raises(IllegalTransitionError, match="There is no turn"):
        await stores.turns.advance(uuid4(), "generating")


async def test_results_of_a_past_attempt_are_refused(stores: Stores, planned: UUID) -> None:
    await stores.turns.advance(planned, "generating", attempt=3)
    with pytest.raises(IllegalTransitionError, match="in attempt 2"):
        await stores.turns.advance(planned, "delivering", attempt=2)
    with pytest.raises(IllegalTransitionError):
        await stores.turns.advance(planned, "generating", attempt=2)


async def test_of_two_outcomes_at_once_one_holds(stores: Stores, planned: UUID) -> None:
    outcomes: tuple[TurnState, ...] = ("failed", "silent")
    ends = await asyncio.gather(
        *(stores.turns.advance(planned, state) for state in outcomes), return_exceptions=True
    )
    assert sum(end is True for end in ends) == 1
    assert sum(isinstance(end, IllegalTransitionError) for end in ends) == 1


async def test_unfinished_turns_are_listed_oldest_first(stores: Stores, turn: Make) -> None:
    late, early, ended = turn(1), turn(2), turn(3)
    early = turn(2, created_at=late.created_at - timedelta(minutes=1))
    for one in (late, early, ended):
        await stores.turns.plan(one)
    await stores.turns.advance(ended.id, "silent", reason="nothing to say")
    assert [one.id for one in await stores.turns.unfinished()] == [early.id, late.id]


moves = st.lists(st.tuples(st.sampled_from(STATES), st.none() | st.integers(1, 3)), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves, st.integers(min_value=1, max_value=2**60))
async def test_no_sequence_of_moves_leaves_the_legal_ways(
    stores: Stores, turn: Make, steps: list[tuple[TurnState, int | None]], message_id: int
) -> None:
    made = turn(message_id)
    await stores.turns.plan(made)
    row = await stores.turns.get(made.id)
    assert row
    state, attempt = row.state, row.attempt
    for wanted, number in steps:
        legal = wanted in LEGAL.get(state, ()) and (number or attempt) >= attempt
        again = (state, wanted) in AGAIN and (number or attempt) > attempt
        try:
            moved = await stores.turns.advance(made.id, wanted, attempt=number)
        except IllegalTransitionError:
            moved = False
        assert moved == (legal or again)
        if moved:
            state, attempt = wanted, number or attempt
    after = await stores.turns.get(made.id)
    assert after
    assert (after.state, after.attempt) == (state, attempt)
