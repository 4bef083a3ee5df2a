"""Through what a character speaks: a webhook with its own name and face, or the bot's own messages."""

import base64
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import msgspec
from typing_extensions import override

from actors.reply.chunks import LIMIT, length
from bot.delivery.calls import Ticket
from bot.delivery.patience import patiently
from bot.delivery.ports import BotVoice
from bot.delivery.rest import Text
from storage.records import Personality, Venue
from storage.stores.webhooks import Webhook

NONCE_LENGTH = 25


class Shown(msgspec.Struct, frozen=True):
    """A visible message, through what it was posted, and its text when it appeared."""

    message_id: int
    text: str
    webhook: Webhook | None = None


class Mouth(Protocol):
    """Posts and changes the messages of one character in one venue; waits and tries again by itself.

    Attributes:
        limit: greatest length of a message in UTF-16 units.
    """

    limit: int = LIMIT

    async def ready(self) -> int:
        """Prepare what the next post needs; return the webhook's id, or 0."""
        ...

    async def post(self, text: Text, nonce: str, after: int, ticket: Ticket) -> Shown:
        """Post a message exactly once.

        Args:
            text: asked when the request leaves.
            nonce: names this message.
            after: a snowflake before which it cannot have been posted.
            ticket: the place in the line.
        """
        ...

    async def change(self, shown: Shown, text: Text, ticket: Ticket) -> None:
        """Change a message."""
        ...

    async def remove(self, shown: Shown, ticket: Ticket) -> None:
        """Delete a message."""
        ...

    async def recall(self, message_id: int, text: str, webhook_id: int) -> Shown:
        """Return a message of an earlier process so that it can be changed; 0 stands for no webhook.

        One whose webhook is not in use any more comes back without it.
        """
        ...

    async def candidates(self, webhook_id: int, after: int) -> Sequence[Shown]:
        """Return this character's messages that were posted there after a snowflake, oldest first."""
        ...


class BotMouth(Mouth):
    """Speaks as the bot, with the character's name in front; for DMs and channels without webhooks."""

    def __init__(self, voice: BotVoice, venue: Venue, speaker: Personality) -> None:
        self._voice = voice
        self._channel_id = venue.channel_id
        self._prefix = f"**{speaker.name}:** "
        self.limit = LIMIT - length(self._prefix)

    @override
    async def ready(self) -> int:
        return 0

    @override
    async def post(self, text: Text, nonce: str, after: int, ticket: Ticket) -> Shown:
        sent = text()
        said = await patiently(lambda: self._voice.say(self._channel_id, self._prefix + sent, nonce))
        return Shown(said, sent)

    @override
    async def change(self, shown: Shown, text: Text, ticket: Ticket) -> None:
        await patiently(lambda: self._voice.change(self._channel_id, shown.message_id, self._prefix + text()))

    @override
    async def remove(self, shown: Shown, ticket: Ticket) -> None:
        await patiently(lambda: self._voice.remove(self._channel_id, shown.message_id))

    @override
    async def recall(self, message_id: int, text: str, webhook_id: int) -> Shown:
        return Shown(message_id, text)

    @override
    async def candidates(self, webhook_id: int, after: int) -> Sequence[Shown]:
        said = await patiently(lambda: self._voice.said(self._channel_id, after))
        mine = ((message_id, text) for message_id, text in said if text.startswith(self._prefix))
        return [Shown(message_id, text.removeprefix(self._prefix)) for message_id, text in mine]


def nonce_of(turn_id: UUID, position: int) -> str:
    """Return the nonce of a message: at most 25 characters, always the same for the same message."""
    return base64.b32encode(turn_id.bytes).decode().rstrip("=")[: NONCE_LENGTH - 4] + f"{position:x}"
