import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import get_args
from uuid import UUID, uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from storage.records import Turn, TurnState, Venue
from storage.stores import Stores
from storage.stores.turns import IllegalTransitionError

pytestmark = pytest.mark.service

Make = Callable[..., Turn]
STATES: tuple[TurnState, ...] = get_args(TurnState)
LEGAL = {
    "planned": {"generating", "failed", "silent"},
    "generating": {"delivering", "failed", "silent"},
    "delivering": {"done", "failed", "silent"},
}
AGAIN = {("generating", "generating"), ("delivering", "generating")}


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
