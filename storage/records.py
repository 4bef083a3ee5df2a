"""The things Troupe keeps, as typed records that every layer shares.

What lives by the thousand says `gc=False`: it holds values only, so nothing in it can refer back to it, and
garbage collections needn't look at it.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

import msgspec

TURNS = UUID("8f2d4c0e-6f0b-5d3f-9a55-2f1f3a7c6e01")
"""Namespace of turn ids."""

VenueKind = Literal["guild", "thread", "dm"]
TurnState = Literal["planned", "generating", "delivering", "done", "failed", "silent"]
ChunkState = Literal["planned", "posting", "posted", "final", "gone"]


class Venue(msgspec.Struct, frozen=True, gc=False):
    """Where something was said. Webhooks of a thread live on its parent channel."""

    channel_id: int
    guild_id: int | None = None
    parent_id: int | None = None
    kind: VenueKind = "guild"
    name: str = ""
    nsfw: bool = False


class Author(msgspec.Struct, frozen=True, gc=False):
    """Who wrote a message. A webhook message has the webhook's id in `webhook_id`."""

    id: int
    name: str
    is_bot: bool = False
    webhook_id: int | None = None


class Attachment(msgspec.Struct, frozen=True, gc=False):
    """A file on a message; `size` in bytes."""

    id: int
    filename: str
    url: str
    size: int = 0
    content_type: str | None = None


class Message(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One Discord message as every trigger, the transcript and the prompt see it.

    `text` is what a reader sees: content, and stickers, polls, forwards and embeds as words.
    `personality_id` is set when one of our characters said it. `id` is the snowflake.
    """

    id: int
    venue: Venue
    author: Author
    text: str
    created_at: datetime
    reply_to: int | None = None
    personality_id: UUID | None = None
    attachments: tuple[Attachment, ...] = ()
    mentioned_user_ids: tuple[int, ...] = ()
    edited_at: datetime | None = None


class Personality(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A character's definition. The face is kept apart: `face_hash` names it, `FaceStore` has the bytes.

    `who` says who they are, `speech` how they speak, `examples` are alternating lines of a person and
    the character for models that need showing rather than telling.
    """

    id: UUID
    name: str
    slug: str
    owner_id: int | None = None
    who: str = ""
    speech: str = ""
    first_message: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    error_message: str = ""
    talkativeness: float = 0.5
    is_public: bool = True
    face_hash: str | None = None
    preset_id: UUID | None = None
    created_at: datetime | None = None
    deleted_at: datetime | None = None


class RosterEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A personality present in a channel, in the order of arrival."""

    channel_id: int
    personality_id: UUID
    position: int
    added_by: int | None = None


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One personality answering messages: `message_id` is the first, `also` the collected rest."""

    id: UUID
    message_id: int
    personality_id: UUID
    venue: Venue
    author_id: int
    also: tuple[int, ...] = ()
    state: TurnState = "planned"
    attempt: int = 1
    reason: str | None = None
    trace_id: str = ""
    deadline: datetime
    created_at: datetime


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """One visible message of a turn's delivery; `text_hash` is SHA-256 of the final text."""

    turn_id: UUID
    position: int
    state: ChunkState = "planned"
    webhook_id: int | None = None
    message_id: int | None = None
    text: str = ""
    text_hash: str | None = None


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A model and its parameters. `parameters` are sampling fields of `actors.models.chat.Sampling`."""

    id: UUID
    name: str
    owner_id: int | None = None
    model: str
    parameters: dict[str, float] = {}


def turn_id(message_id: int, personality_id: UUID) -> UUID:
    """Return the only id that a turn of `personality_id` on `message_id` can have."""
    return uuid5(TURNS, f"{message_id}:{personality_id}")
