"""What happens in a channel, as its actor hears it."""

from datetime import datetime
from uuid import UUID

import msgspec

from actors.personality.messages import Unfinished
from storage.records import Message


class MessageCreated(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wrote. `seen_at` is Unix time in seconds; `trace` the context in which it was received.

    `to_answer` is false for what is only to be learnt, such as old messages after a gap.
    """

    message: Message
    seen_at: float
    trace: dict[str, str] = {}
    to_answer: bool = True


class TurnsFound(msgspec.Struct, frozen=True, kw_only=True):
    """Turns on a message were cut off by the end of an earlier process; they go on in this order."""

    message: Message
    found: tuple[Unfinished, ...]
    seen_at: float


class MessageEdited(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody changed a message's text."""

    message_id: int
    text: str
    edited_at: datetime


class MessagesDeleted(msgspec.Struct, frozen=True):
    """Messages were deleted, one or many at once."""

    message_ids: tuple[int, ...]


class RosterChanged(msgspec.Struct, frozen=True):
    """Somebody came into the channel or left it."""


class PersonalityChanged(msgspec.Struct, frozen=True):
    """A definition was edited, deleted or restored."""

    personality_id: UUID


class SpeakerLost(msgspec.Struct, frozen=True):
    """The actor of a personality crashed; its turn will not end by itself."""

    speaker_id: UUID


class SettleOver(msgspec.Struct, frozen=True):
    """Something that nobody was called for may be answered now, if its author writes nothing more."""


class TurnAdmitted(msgspec.Struct, frozen=True):
    """A turn that had to wait for others of this process may begin."""

    speaker_id: UUID
    message_id: int


class TurnShed(msgspec.Struct, frozen=True):
    """A turn that had to wait for others of this process is given up."""

    speaker_id: UUID
    message_id: int
    reason: str


class TurnOverdue(msgspec.Struct, frozen=True):
    """A turn did not end within its deadline; the channel goes on without it."""

    speaker_id: UUID
    message_id: int


ChannelEvent = MessageCreated | TurnsFound | MessageEdited | MessagesDeleted
"""What people do in a channel."""
