"""Dead letters: what could not be done, why, and what it takes to try again."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID, uuid5

import msgspec

from config.errors import TroupeError
from storage.records import Turn

LETTERS = UUID("2c9b7a52-0d3e-5a4c-8f61-6f0c1b7f5d02")
"""Namespace of the ids of events' letters."""
LONGEST_MESSAGE = 500
MOST_FAILURES = 8
VERSION = 1
"""Of the envelopes; a reader refuses later ones."""

LetterKind = Literal["turn", "message"]
LetterState = Literal["open", "retried", "dropped"]


class Failure(msgspec.Struct, frozen=True):
    """One link in a chain of errors; `message` is for operators, `user_message` is what a person was told."""

    type: str
    message: str = ""
    user_message: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Describe one error; long words are cut."""
        told = error.user_message if isinstance(error, TroupeError) else ""
        return cls(type(error).__name__, str(error)[:LONGEST_MESSAGE], told)


class TurnEnvelope(msgspec.Struct, frozen=True, tag="turn", tag_field="kind"):
    """A turn as it was planned; what it answers is in the inbox."""

    turn: Turn
    version: int = VERSION


class EventEnvelope(msgspec.Struct, frozen=True, tag="message", tag_field="kind"):
    """An event of a channel: the name of its type and its fields."""

    event: str
    body: dict[str, Any]
    version: int = VERSION


Envelope = TurnEnvelope | EventEnvelope


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter. `errors` is the chain from what was reported down to its first cause."""

    id: UUID
    kind: LetterKind
    channel_id: int
    personality_id: UUID | None = None
    message_id: int | None = None
    envelope: Envelope
    reason: str
    errors: tuple[Failure, ...] = ()
    attempts: int
    trace_id: str = ""
    state: LetterState = "open"
    created_at: datetime
    changed_at: datetime


def chain_of(error: BaseException | None) -> tuple[Failure, ...]:
    """Describe an error and what caused it, the nearest first."""
    return tuple(Failure.of(link) for link in _links(error))


def event_letter_id(channel_id: int, event: EventEnvelope) -> UUID:
    """Return the only id that the letter of this event can have."""
    return uuid5(LETTERS, f"{channel_id}:{msgspec.json.encode(event).decode()}")


def _links(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen and len(seen) < MOST_FAILURES:
        seen.append(error)
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
