"""Through what a character speaks: a webhook with its own name and face, or the bot's own messages."""

import asyncio
import base64
from collections.abc import Sequence
from functools import partial
from typing import Protocol
from uuid import UUID

import msgspec
from typing_extensions import override

from actors.reply.chunks import LIMIT, length
from bot.delivery.answers import MessageAnswer
from bot.delivery.calls import Ticket, Urgency
from bot.delivery.errors import AnswerLostError, WebhookGoneError, WebhookUnavailableError
from bot.delivery.patience import patiently
from bot.delivery.ports import BotVoice
from bot.delivery.rest import Text, WebhookRest
from bot.delivery.webhooks import WebhookPool
from config.logs import get_logger
from storage.records import Personality, Venue
from storage.stores.webhooks import Webhook

log = get_logger(__name__)

LOOKS = (0.0, 1.0)
"""Seconds before each look for a post in doubt: Discord may still be carrying it out."""
PAGES = 5
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


class Claims:
    """The newest messages that are known to be ours, so that none is taken for another's lost post."""

    def __init__(self, kept: int = 10_000) -> None:
        self._kept = kept
        self._ids: dict[int, None] = {}

    def add(self, message_id: int) -> None:
        """Claim a message."""
        self._ids[message_id] = None
        if len(self._ids) > self._kept:
            del self._ids[next(iter(self._ids))]

    def __contains__(self, message_id: int) -> bool:
        return message_id in self._ids


class WebhookMouth(Mouth):
    """Speaks through a webhook of the channel."""

    def __init__(
        self, pool: WebhookPool, rest: WebhookRest, claims: Claims, venue: Venue, speaker: Personality
    ) -> None:
        self._pool = pool
        self._rest = rest
        self._claims = claims
        self._venue = venue
        self._speaker = speaker
        self._webhook: Webhook | None = None

    @property
    def _thread_id(self) -> int | None:
        return self._venue.channel_id if self._venue.kind == "thread" else None

    @override
    async def ready(self) -> int:
        where = self._venue.parent_id if self._thread_id else None
        channel_id = where or self._venue.channel_id
        self._webhook = await patiently(lambda: self._pool.of(channel_id, self._speaker))
        return self._webhook.id

    @override
    async def post(self, text: Text, nonce: str, after: int, ticket: Ticket) -> Shown:
        webhook, look = self._webhook, self._pool.look_of(self._speaker)
        if webhook is None:
            raise WebhookGoneError("No webhook is ready.")
        sent = ""

        def newest() -> str:
            nonlocal sent
            sent = text()
            return sent

        while True:
            try:
                answer = await self._rest.execute(webhook, newest, look, self._thread_id, ticket)
            except WebhookGoneError:
                await self._pool.forget(webhook)
                raise
            except AnswerLostError:
                found = await self._find(webhook, sent, after)
                if found is None:
                    continue
                answer = found
            self._claims.add(int(answer.id))
            return Shown(int(answer.id), sent, webhook)

    @override
    async def change(self, shown: Shown, text: Text, ticket: Ticket) -> None:
        webhook = _of(shown)
        try:
            await patiently(lambda: self._rest.edit(webhook, shown.message_id, text, self._thread_id, ticket))
        except WebhookGoneError:
            await self._pool.forget(webhook)
            raise

    @override
    async def remove(self, shown: Shown, ticket: Ticket) -> None:
        webhook = _of(shown)
        await patiently(lambda: self._rest.delete(webhook, shown.message_id, self._thread_id, ticket))

    async def _find(self, webhook: Webhook, text: str, after: int) -> MessageAnswer | None:
        """Look for a post whose answer was lost."""
        for pause in LOOKS:
            await asyncio.sleep(pause)
            for message in await self._since(after):
                is_ours = message.webhook_id == str(webhook.id) and int(message.id) not in self._claims
                if is_ours and message.content.strip() == text.strip():
                    return message
        return None

    async def _since(self, after: int) -> list[MessageAnswer]:
        found: list[MessageAnswer] = []
        for _ in range(PAGES):
            page = await patiently(partial(self._look, after))
            found += page
            if not page:
                break
            after = max(int(message.id) for message in page)
        return found

    async def _look(self, after: int) -> Sequence[MessageAnswer]:
        ticket = self._rest.ticket(Urgency.POST)
        return await self._rest.messages_after(self._venue.channel_id, after, ticket)


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


class EitherMouth(Mouth):
    """Speaks through a webhook, or as the bot where the channel gives us none."""

    def __init__(self, webhook: WebhookMouth, bot: BotMouth) -> None:
        self._webhook = webhook
        self._bot = bot
        self._current: Mouth = webhook
        self.limit = bot.limit

    @override
    async def ready(self) -> int:
        try:
            self._current = self._webhook
            return await self._webhook.ready()
        except WebhookUnavailableError as error:
            log.warning("no_webhook", reason=error.message)
            self._current = self._bot
            return await self._bot.ready()

    @override
    async def post(self, text: Text, nonce: str, after: int, ticket: Ticket) -> Shown:
        return await self._current.post(text, nonce, after, ticket)

    @override
    async def change(self, shown: Shown, text: Text, ticket: Ticket) -> None:
        await self._of(shown).change(shown, text, ticket)

    @override
    async def remove(self, shown: Shown, ticket: Ticket) -> None:
        await self._of(shown).remove(shown, ticket)

    def _of(self, shown: Shown) -> Mouth:
        return self._bot if shown.webhook is None else self._webhook


def _of(shown: Shown) -> Webhook:
    if shown.webhook is None:
        raise WebhookGoneError("This message was not posted by a webhook.")
    return shown.webhook


def nonce_of(turn_id: UUID, position: int) -> str:
    """Return the nonce of a message: at most 25 characters, always the same for the same message."""
    return base64.b32encode(turn_id.bytes).decode().rstrip("=")[: NONCE_LENGTH - 4] + f"{position:x}"
