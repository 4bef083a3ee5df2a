"""Messages: the inbox, and the transcript that channels are rebuilt from."""

from datetime import datetime

import msgspec

from storage.database import Row
from storage.queries import query
from storage.records import Attachment, Author, Message, Venue
from storage.stores.base import Store, venue_of

RECORD, EDIT, DELETE = query("record_message"), query("edit_message"), query("delete_message")
WINDOW, GET, LAST_SEEN = query("message_window"), query("get_message"), query("last_seen_message")
ACTIVE, IS_KNOWN = query("active_channels"), query("message_is_known")
UNCONSIDERED, RETRIED = query("unconsidered_messages"), query("retried_messages")
IS_UNDECIDED = query("message_is_undecided")


class MessageStore(Store):
    """Every message seen, by snowflake."""

    async def record(self, message: Message) -> bool:
        """Commit a message, its channel and its author in one statement; true if it was new.

        A message known without its character takes over `personality_id`; nothing else changes.
        """
        venue, author = message.venue, message.author
        return bool(
            await self._database.fetch_value(
                RECORD,
                message.id,
                *msgspec.structs.astuple(venue),
                *msgspec.structs.astuple(author),
                message.personality_id,
                message.text,
                message.reply_to,
                message.attachments,
                message.mentioned_user_ids,
                message.created_at,
                message.edited_at,
            )
        )

    async def edit(self, message_id: int, text: str, edited_at: datetime) -> bool:
        """Take over an edit; false if the message is unknown or a newer edit is known."""
        return bool(await self._database.fetch_value(EDIT, message_id, text, edited_at))

    async def delete(self, message_id: int) -> bool:
        """Hide a message from every later reading, also of dead letters; false if there was none."""
        return bool(await self._database.fetch_value(DELETE, message_id))

    async def get(self, message_id: int) -> Message | None:
        """Return a message that was not deleted."""
        row = await self._database.fetch_row(GET, message_id)
        return _message(row) if row else None

    async def is_known(self, message_id: int) -> bool:
        """True for every message that was ever kept, deleted ones too."""
        return bool(await self._database.fetch_value(IS_KNOWN, message_id))

    async def is_undecided(self, message_id: int) -> bool:
        """True for a message that is kept and for which no channel has decided who answers."""
        return bool(await self._database.fetch_value(IS_UNDECIDED, message_id))

    async def unconsidered(self, limit: int = 10_000) -> list[Message]:
        """Return the messages for which no channel has decided who answers, oldest first."""
        return [_message(row) for row in await self._database.fetch(UNCONSIDERED, limit)]

    async def retried(self) -> list[Message]:
        """Return the undecided messages that an operator wants to be told again, whatever their age."""
        return [_message(row) for row in await self._database.fetch(RETRIED)]

    async def window(self, channel_id: int, limit: int, before: int | None = None) -> list[Message]:
        """Return the newest messages of a channel, oldest first; `before` is a message id, exclusive."""
        rows = await self._database.fetch(WINDOW, channel_id, limit, before)
        return [_message(row) for row in reversed(rows)]

    async def last_seen(self, channel_id: int, before: int | None = None) -> int | None:
        """Return the newest message id seen in a channel, deleted ones too; `before` is exclusive."""
        seen: int | None = await self._database.fetch_value(LAST_SEEN, channel_id, before)
        return seen

    async def active_channels(self, since: datetime) -> list[Venue]:
        """Return the channels whose newest message was written at `since` or later."""
        return [Venue(*row) for row in await self._database.fetch(ACTIVE, since)]


def _message(row: Row) -> Message:
    return Message(
        id=row["id"],
        venue=venue_of(row),
        author=Author(row["author_id"], row["author_name"], row["author_is_bot"], row["webhook_id"]),
        text=row["text"],
        created_at=row["created_at"],
        reply_to=row["reply_to"],
        personality_id=row["personality_id"],
        attachments=msgspec.convert(row["attachments"], tuple[Attachment, ...]),
        mentioned_user_ids=tuple(row["mentioned_user_ids"]),
        edited_at=row["edited_at"],
    )
