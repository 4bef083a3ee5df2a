"""Dead letters: written with the failure, found by a short id, retried or dropped once."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from config.errors import TroupeError
from storage.database import Database
from storage.letters import EventEnvelope, Failure, TurnEnvelope, chain_of
from storage.queries import Query
from storage.records import Message, Turn
from storage.stores import Stores
from storage.stores.dead_letters import (
    AmbiguousReferenceError,
    LetterClosedError,
    UnknownLetterError,
)
from storage.stores.turns import IllegalTransitionError

pytestmark = pytest.mark.service

Make = Callable[..., Turn]
MakeMessage = Callable[..., Message]
FAILURES = (Failure("ModelTimeoutError", "no answer", "I took too long."), Failure("TimeoutError"))
_numbers = itertools.count(2000)
EVENT = EventEnvelope("MessageCreated", {"message": {"id": 1000}})


def soon() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=3)


@pytest.fixture
async def failed(stores: Stores, turn: Make) -> Turn:
    """A turn that failed in its second attempt, leaving an apology."""
    made = turn(trace_id="ab" * 16)
    await stores.turns.begin(made)
    await stores.turns.advance(made.id, "generating", attempt=2)
    await stores.deliveries.plan(made.id, 0)
    await stores.deliveries.posting(made.id, 0, 5)
    await stores.deliveries.posted(made.id, 0, 77)
    await stores.deliveries.final(made.id, 0, "*coughs*")
    await stores.turns.fail(made, reason="ModelTimeoutError", errors=FAILURES)
    return made


@pytest.fixture
async def buried(stores: Stores, message: MakeMessage) -> UUID:
    """The letter of message 1000, which killed its channel three times."""
    await stores.messages.record(message())
    return await stores.dead_letters.bury(
        500, EVENT, reason="poison", errors=FAILURES, attempts=3, message_id=1000
    )


async def test_a_turn_that_fails_leaves_a_letter(stores: Stores, failed: Turn) -> None:
    (letter,) = await stores.dead_letters.list()
    kept = await stores.turns.get(failed.id)
    assert kept is not None
    assert (kept.state, kept.reason) == ("failed", "ModelTimeoutError")
    assert (letter.id, letter.kind, letter.state) == (failed.id, "turn", "open")
    assert (letter.channel_id, letter.personality_id, letter.message_id) == (500, failed.personality_id, 1000)
    assert (letter.reason, letter.errors, letter.attempts) == ("ModelTimeoutError", FAILURES, 2)
    assert (letter.trace_id, letter.envelope) == ("ab" * 16, TurnEnvelope(failed))


async def test_a_turn_with_another_outcome_leaves_none(stores: Stores, turn: Make) -> None:
    made = turn()
    await stores.turns.plan(made)
    await stores.turns.advance(made.id, "silent")
    with pytest.raises(IllegalTransitionError):
        await stores.turns.fail(made, reason="late")
    with pytest.raises(IllegalTransitionError, match="There is no turn"):
        await stores.turns.fail(turn(5), reason="unknown")
    assert await stores.dead_letters.list() == []


async def test_a_past_attempt_cannot_fail_the_turn(stores: Stores, turn: Make) -> None:
    made = turn()
    await stores.turns.plan(made)
    await stores.turns.advance(made.id, "generating", attempt=2)
    with pytest.raises(IllegalTransitionError, match="in attempt 1"):
        await stores.turns.fail(made, reason="late", attempt=1)
    assert await stores.dead_letters.list() == []


async def test_failing_twice_leaves_one_letter(stores: Stores, failed: Turn) -> None:
    assert not await stores.turns.fail(failed, reason="again")
    assert [letter.reason for letter in await stores.dead_letters.list()] == ["ModelTimeoutError"]


async def test_retrying_plans_the_turn_again_in_a_new_attempt(stores: Stores, failed: Turn) -> None:
    deadline = soon()
    await stores.dead_letters.retry(failed.id, deadline)
    (turn,) = await stores.turns.unfinished()
    assert (turn.id, turn.state, turn.attempt, turn.deadline) == (failed.id, "planned", 3, deadline)
    assert [change.state for change in await stores.turns.history(failed.id)][-1] == "planned"
    assert [letter.state for letter in await stores.dead_letters.list()] == ["retried"]


async def test_retrying_makes_the_apology_a_message_that_waits_for_words(
    stores: Stores, failed: Turn
) -> None:
    await stores.dead_letters.retry(failed.id, soon())
    (chunk,) = await stores.deliveries.of(failed.id)
    assert (chunk.state, chunk.text, chunk.message_id) == ("posted", "", 77)


async def test_words_that_were_cut_off_stay_when_retrying(stores: Stores, turn: Make) -> None:
    made = turn()
    await stores.turns.begin(made)
    await stores.turns.advance(made.id, "generating")
    await stores.deliveries.plan(made.id, 0)
    await stores.deliveries.posting(made.id, 0, 5)
    await stores.deliveries.posted(made.id, 0, 77)
    await stores.deliveries.checkpoint(made.id, 0, "Good even")
    await stores.turns.fail(made, reason="not delivered")
    await stores.dead_letters.retry(made.id, soon())
    assert [chunk.text for chunk in await stores.deliveries.of(made.id)] == ["Good even"]


async def test_of_retries_at_once_one_holds(stores: Stores, failed: Turn) -> None:
    tries = await asyncio.gather(
        *(stores.dead_letters.retry(failed.id, soon()) for _ in range(4)), return_exceptions=True
    )
    assert sorted(map(type, tries), key=str) == sorted([type(None), *[LetterClosedError] * 3], key=str)
    kept = await stores.turns.get(failed.id)
    assert kept is not None
    assert kept.attempt == 3


async def test_a_turn_that_fails_again_opens_its_letter_again(stores: Stores, failed: Turn) -> None:
    await stores.dead_letters.retry(failed.id, soon())
    await stores.turns.fail(failed, reason="ModelRateLimitedError")
    (letter,) = await stores.dead_letters.list("open")
    assert (letter.reason, letter.attempts, letter.errors) == ("ModelRateLimitedError", 3, ())


async def test_a_dropped_letter_stays_dropped(stores: Stores, failed: Turn) -> None:
    await stores.dead_letters.drop(failed.id)
    with pytest.raises(LetterClosedError, match="was dropped already"):
        await stores.dead_letters.drop(failed.id)
    with pytest.raises(LetterClosedError, match="was dropped already"):
        await stores.dead_letters.retry(failed.id, soon())
    assert await stores.turns.unfinished() == []


async def test_an_unknown_letter_cannot_be_closed(stores: Stores) -> None:
    for close in (stores.dead_letters.drop(uuid4()), stores.dead_letters.retry(uuid4(), soon())):
        with pytest.raises(UnknownLetterError):
            await close


@pytest.mark.parametrize("form", ["{:.6}", "{}"])
async def test_a_letter_is_found_by_the_reference_that_people_saw(
    stores: Stores, failed: Turn, form: str
) -> None:
    for known in (failed.id.hex, failed.id.hex.upper(), str(failed.id)):
        assert (await stores.dead_letters.find(form.format(known))).id == failed.id


@pytest.mark.parametrize("reference", ["", "zzz", "%", "_" * 6, "ab" * 17, "0" * 32])
async def test_an_unknown_reference_is_refused(stores: Stores, failed: Turn, reference: str) -> None:
    assert failed
    with pytest.raises(UnknownLetterError):
        await stores.dead_letters.find(reference)


async def test_an_ambiguous_reference_is_refused(stores: Stores, database: Database) -> None:
    for number in range(2):
        await database.fetch(
            Query(
                "test",
                "insert into dead_letters (id, kind, channel_id, envelope, reason, attempts)"
                """values ($1, 'message', 5, '{"kind": "message", "event": "x", "body": {}}', 'poison', 3)""",
            ),
            UUID(int=number),
        )
    with pytest.raises(AmbiguousReferenceError, match="000000"):
        await stores.dead_letters.find("000000")
    assert (await stores.dead_letters.find(UUID(int=1).hex)).id == UUID(int=1)


async def test_an_event_that_is_buried_is_not_told_at_the_next_start(stores: Stores, buried: UUID) -> None:
    (letter,) = await stores.dead_letters.list()
    assert (letter.id, letter.kind, letter.envelope, letter.attempts) == (buried, "message", EVENT, 3)
    assert await stores.messages.unconsidered() == []


async def test_the_same_event_has_one_letter(stores: Stores, buried: UUID) -> None:
    again = await stores.dead_letters.bury(500, EVENT, reason="poison", errors=(), attempts=3)
    (letter,) = await stores.dead_letters.list()
    assert (again, letter.attempts) == (buried, 6)


async def test_a_retried_message_is_told_again(stores: Stores, buried: UUID) -> None:
    assert await stores.messages.retried() == []
    await stores.dead_letters.retry(buried, soon())
    assert [message.id for message in await stores.messages.retried()] == [1000]
    assert [message.id for message in await stores.messages.unconsidered()] == [1000]


async def test_a_retried_message_that_was_decided_about_is_not(
    stores: Stores, buried: UUID, message: MakeMessage
) -> None:
    await stores.dead_letters.retry(buried, soon())
    await stores.turns.consider(message(), [], at=soon(), deadline=soon())
    assert await stores.messages.retried() == []


async def test_an_event_without_a_message_cannot_be_retried(stores: Stores) -> None:
    event = EventEnvelope("RosterChanged", {})
    buried = await stores.dead_letters.bury(500, event, reason="poison", errors=(), attempts=3)
    with pytest.raises(LetterClosedError, match="message is not there"):
        await stores.dead_letters.retry(buried, soon())


async def test_a_deleted_message_takes_its_letter_along(stores: Stores, buried: UUID) -> None:
    await stores.messages.delete(1000)
    with pytest.raises(UnknownLetterError):
        await stores.dead_letters.find(buried.hex)


async def test_old_letters_and_those_beyond_the_newest_are_purged(
    stores: Stores, database: Database, turn: Make
) -> None:
    made = [turn(number) for number in range(5)]
    for days, one in enumerate(made):
        await stores.turns.plan(one)
        await stores.turns.fail(one, reason="x")
        await database.fetch(
            Query("test", "update dead_letters set created_at = now() - $2::interval where id = $1"),
            one.id,
            timedelta(days=days),
        )
    before = datetime.now(UTC) - timedelta(days=3, hours=1)
    assert await stores.dead_letters.purge(before, keep=2) == 3
    assert [letter.id for letter in await stores.dead_letters.list()] == [made[0].id, made[1].id]


async def test_letters_are_listed_newest_first(stores: Stores, turn: Make) -> None:
    made = [turn(number) for number in range(3)]
    for one in made:
        await stores.turns.plan(one)
        await stores.turns.fail(one, reason="x")
    await stores.dead_letters.drop(made[1].id)
    assert [letter.id for letter in await stores.dead_letters.list()] == [one.id for one in reversed(made)]
    assert [letter.id for letter in await stores.dead_letters.list("dropped")] == [made[1].id]
    assert [letter.id for letter in await stores.dead_letters.list(limit=1)] == [made[2].id]


def test_a_chain_names_every_cause_once() -> None:
    inner = KeyError("x" * 1000)
    middle = TroupeError("middle", user_message="Sorry.").caused_by(inner)
    outer = RuntimeError("outer").with_traceback(None)
    outer.__context__ = middle
    inner.__context__ = outer
    chain = chain_of(outer)
    assert [one.type for one in chain] == ["RuntimeError", "TroupeError", "KeyError"]
    assert (chain[1].message, chain[1].user_message, len(chain[2].message)) == ("middle", "Sorry.", 500)
    assert chain_of(None) == ()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["fail", "retry", "drop", "speak", "silence"]), max_size=10))
async def test_a_letter_is_open_exactly_while_its_turn_failed_and_nobody_decided(
    stores: Stores, turn: Make, deeds: list[str]
) -> None:
    made = turn(next(_numbers))
    await stores.turns.plan(made)
    state, letter, attempt = "planned", None, 1
    for deed in deeds:
        done = await _do(stores, made, deed)
        expected = {
            "fail": state == "planned",
            "speak": state == "planned",
            "silence": state == "planned",
            "retry": letter == "open" and state == "failed",
            "drop": letter == "open",
        }[deed]
        assert done == expected
        if done:
            state, letter, attempt = _after(deed, state, letter, attempt)
    kept = await stores.turns.get(made.id)
    assert kept is not None
    assert (kept.state, kept.attempt) == (state, attempt)
    found = [one.state for one in await stores.dead_letters.list() if one.id == made.id]
    assert found == ([letter] if letter else [])


async def _do(stores: Stores, turn: Turn, deed: str) -> bool:
    try:
        match deed:
            case "fail":
                return await stores.turns.fail(turn, reason="x")
            case "retry":
                await stores.dead_letters.retry(turn.id, soon())
            case "drop":
                await stores.dead_letters.drop(turn.id)
            case "speak":
                await stores.turns.advance(turn.id, "generating")
                await stores.turns.advance(turn.id, "delivering")
                await stores.turns.advance(turn.id, "done")
            case _:
                return await stores.turns.advance(turn.id, "silent")
    except (IllegalTransitionError, LetterClosedError, UnknownLetterError):
        return False
    return True


def _after(deed: str, state: str, letter: str | None, attempt: int) -> tuple[str, str | None, int]:
    match deed:
        case "fail":
            return "failed", "open", attempt
        case "retry":
            return "planned", "retried", attempt + 1
        case "drop":
            return state, "dropped", attempt
        case "speak":
            return "done", letter, attempt
        case _:
            return "silent", letter, attempt


def test_an_envelope_comes_back_as_it_was(turn: Make) -> None:
    for envelope in (TurnEnvelope(turn(also=(1, 2))), EVENT):
        raw = msgspec.json.encode(envelope)
        assert msgspec.json.decode(raw, type=TurnEnvelope | EventEnvelope) == envelope
