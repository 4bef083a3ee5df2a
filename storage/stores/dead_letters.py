"""Dead letters: what failed for good, kept until an operator decides."""

import re
from datetime import datetime
from uuid import UUID

import msgspec

from storage.database import Row
from storage.errors import StorageError
from storage.letters import DeadLetter, EventEnvelope, Failure, LetterState, event_letter_id
from storage.queries import query
from storage.stores.base import Store

BURY, RETRY, DROP = query("bury_event"), query("retry_dead_letter"), query("drop_dead_letter")
LIST, FIND, GET = query("list_dead_letters"), query("find_dead_letters"), query("get_dead_letter")
PURGE = query("purge_dead_letters")
HEXADECIMAL = re.compile(r"[0-9a-f]{1,32}")


class UnknownLetterError(StorageError):
    """There is no such dead letter."""


class AmbiguousReferenceError(StorageError):
    """More than one dead letter has an id that begins like this."""


class LetterClosedError(StorageError):
    """The dead letter was retried or dropped already, or what it is about is gone."""


class DeadLetterStore(Store):
    """Dead letters, by id or by the beginning of one. A failing turn writes its own: see `TurnStore.fail`."""

    async def bury(
        self,
        channel_id: int,
        event: EventEnvelope,
        *,
        reason: str,
        errors: tuple[Failure, ...],
        attempts: int,
        message_id: int | None = None,
        trace_id: str = "",
    ) -> UUID:
        """Keep an event that could not be handled; its message, if any, is not told again at a start."""
        letter_id = event_letter_id(channel_id, event)
        await self._database.fetch_value(
            BURY, letter_id, channel_id, message_id, event, reason, errors, attempts, trace_id
        )
        return letter_id

    async def list(self, state: LetterState | None = None, limit: int = 100) -> list[DeadLetter]:
        """Return the newest letters, the newest first; all states or one."""
        return [_letter(row) for row in await self._database.fetch(LIST, state, limit)]

    async def find(self, reference: str) -> DeadLetter:
        """Return the letter whose id is or begins with `reference`, with or without dashes.

        Raises:
            UnknownLetterError: there is none.
            AmbiguousReferenceError: there are several.
        """
        beginning = reference.strip().lower().replace("-", "")
        is_id = HEXADECIMAL.fullmatch(beginning)
        rows = await self._database.fetch(FIND, beginning) if is_id else []
        if not rows:
            raise UnknownLetterError(f"There is no dead letter {reference}.")
        if len(rows) > 1:
            raise AmbiguousReferenceError(
                f"More than one dead letter begins with {reference}: give more of its id."
            )
        return _letter(rows[0])

    async def retry(self, letter_id: UUID, deadline: datetime) -> None:
        """Open the way for another attempt: the turn is planned again, the message untold again.

        What a running stage does not take up within seconds, the next one does at its start.

        Args:
            letter_id: which letter.
            deadline: of the new attempt, should it begin at once.

        Raises:
            UnknownLetterError: there is none.
            LetterClosedError: it is not open, or what it is about is gone.
        """
        await self._close(letter_id, bool(await self._database.fetch_value(RETRY, letter_id, deadline)))

    async def drop(self, letter_id: UUID) -> None:
        """Decide that nothing more is to be done.

        Raises:
            UnknownLetterError: there is none.
            LetterClosedError: it is not open.
        """
        await self._close(letter_id, bool(await self._database.fetch_value(DROP, letter_id)))

    async def purge(self, before: datetime, keep: int) -> int:
        """Remove letters from before a time and all beyond the newest `keep`; return how many it were."""
        return int(await self._database.fetch_value(PURGE, before, keep))

    async def _close(self, letter_id: UUID, is_done: bool) -> None:
        """Explain why nothing was done."""
        if is_done:
            return
        row = await self._database.fetch_row(GET, letter_id)
        if row is None:
            raise UnknownLetterError(f"There is no dead letter {letter_id}.")
        letter = _letter(row)
        if letter.state != "open":
            raise LetterClosedError(f"Dead letter {letter_id} was {letter.state} already.")
        what = "turn has not failed any more" if letter.kind == "turn" else "message is not there"
        raise LetterClosedError(f"Dead letter {letter_id} cannot be retried: its {what}. Drop it.")


def _letter(row: Row) -> DeadLetter:
    return msgspec.convert(dict(row), DeadLetter)
