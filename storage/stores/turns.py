"""Turns: the ledger of who owes an answer to what."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from storage.database import Row
from storage.errors import StorageError
from storage.letters import Failure, TurnEnvelope
from storage.queries import query
from storage.records import Message, Turn, TurnState, turn_id
from storage.stores.base import Store, to_record, venue_of

PLAN, ADVANCE, GET = query("plan_turn"), query("advance_turn"), query("get_turn")
CONSIDER, BEGIN = query("consider_message"), query("begin_turn")
FAIL = query("fail_turn")
UNFINISHED, HISTORY = query("unfinished_turns"), query("turn_history")


class IllegalTransitionError(StorageError):
    """A turn cannot go from its state to the wanted one, or the attempt is no longer the current one."""


class TurnChange(msgspec.Struct, frozen=True):
    """The evidence of one change of a turn."""

    state: TurnState
    attempt: int
    worker: str | None
    reason: str | None
    deadline: datetime
    trace_id: str
    at: datetime


class TurnStore(Store):
    """Turns and every change of theirs. Each method is one transaction."""

    async def plan(self, turn: Turn) -> bool:
        """Commit a turn as planned; false, changing nothing, if its id is known."""
        return bool(await self._database.fetch_value(PLAN, *_columns(turn)))

    async def consider(
        self,
        message: Message,
        speakers: Sequence[UUID],
        *,
        at: datetime,
        deadline: datetime,
        trace_id: str = "",
        silence: str | None = None,
    ) -> None:
        """Commit that a channel has decided who answers a message, and plan their turns in this order.

        With `silence`, the reason, their turns end at once: nobody is to speak.
        """
        await self._database.fetch_value(
            CONSIDER,
            message.id,
            message.venue.channel_id,
            message.author.id,
            [turn_id(message.id, speaker) for speaker in speakers],
            list(speakers),
            trace_id,
            deadline,
            at,
            silence,
        )

    async def begin(self, turn: Turn) -> bool:
        """Take up a turn, planned or not; false, changing nothing, if it was taken up before.

        The turns planned for the messages in `also` end: they are answered together with the first.
        """
        collected = [turn_id(message_id, turn.personality_id) for message_id in turn.also]
        return bool(await self._database.fetch_value(BEGIN, *_columns(turn), collected))

    async def advance(
        self,
        turn_id: UUID,
        state: TurnState,
        *,
        reason: str | None = None,
        worker: str | None = None,
        attempt: int | None = None,
    ) -> bool:
        """Move a turn on; false if it is in that state already.

        planned → generating → delivering → done, failed or silent; failed and silent also earlier. With a
        higher `attempt` a generating or delivering turn may be generated again, and a failed one planned.

        Raises:
            IllegalTransitionError: the move is not allowed, the attempt a past one, or the turn unknown.
        """
        row = await self._database.fetch_row(ADVANCE, turn_id, state, reason, worker, attempt)
        return _has_moved(row, turn_id, state, attempt)

    async def fail(
        self, turn: Turn, *, reason: str, errors: Sequence[Failure] = (), attempt: int | None = None
    ) -> bool:
        """End a turn as failed and keep its dead letter, both or neither; false if it had failed already.

        Raises:
            IllegalTransitionError: it has another outcome, the attempt is a past one, or it is unknown.
        """
        row = await self._database.fetch_row(FAIL, turn.id, reason, attempt, TurnEnvelope(turn), errors)
        return _has_moved(row, turn.id, "failed", attempt)

    async def get(self, turn_id: UUID) -> Turn | None:
        """Return a turn."""
        row = await self._database.fetch_row(GET, turn_id)
        return _turn(row) if row else None

    async def unfinished(self) -> list[Turn]:
        """Return the turns without an outcome, oldest first."""
        return [_turn(row) for row in await self._database.fetch(UNFINISHED)]

    async def history(self, turn_id: UUID) -> list[TurnChange]:
        """Return every change of a turn, oldest first."""
        return [to_record(row, TurnChange) for row in await self._database.fetch(HISTORY, turn_id)]


def _has_moved(row: Row | None, turn_id: UUID, state: TurnState, attempt: int | None) -> bool:
    if row is None:
        raise IllegalTransitionError(f"There is no turn {turn_id}.")
    if not row["has_moved"] and (row["state"] != state or attempt not in {None, row["attempt"]}):
        raise IllegalTransitionError(
            f"Turn {turn_id} is {row['state']} in attempt {row['attempt']}, so it cannot become {state}"
            + (f" in attempt {attempt}." if attempt else ".")
        )
    return bool(row["has_moved"])


def _turn(row: Row) -> Turn:
    return msgspec.convert(dict(row) | {"venue": venue_of(row)}, Turn)


def _columns(turn: Turn) -> list[object]:
    return [
        turn.id,
        turn.message_id,
        *msgspec.structs.astuple(turn.venue),
        turn.personality_id,
        turn.author_id,
        turn.also,
        turn.attempt,
        turn.reason,
        turn.trace_id,
        turn.deadline,
        turn.created_at,
    ]
