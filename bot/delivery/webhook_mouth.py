"""A character speaking through a webhook of the channel, exactly once per message."""

import asyncio
from collections.abc import Sequence
from functools import partial

from typing_extensions import override

from actors.reply.outlet import DeliveryError
from bot.delivery.answers import MessageAnswer
from bot.delivery.calls import Ticket, Urgency
from bot.delivery.errors import AnswerLostError, WebhookGoneError, WebhookUnavailableError
from bot.delivery.mouths import BotMouth, Mouth, Shown
from bot.delivery.patience import patiently
from bot.delivery.rest import Text, WebhookRest
from bot.delivery.webhooks import WebhookPool
from config.logs import get_logger
from storage.records import Personality, Venue
from storage.stores.webhooks import Webhook

log = get_logger(__name__)

LOOKS = (0.0, 1.0)
"""Seconds before each look for a post in doubt: Discord may still be carrying it out."""
PAGES = 5
"""Pages of 100 messages that are looked through."""


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
        sent: list[str] = []

        def newest() -> str:
            sent.append(text())
            return sent[-1]

        lost = 0
        while True:
            try:
                answer = await self._rest.execute(webhook, newest, look, self._thread_id, ticket)
                break
            except WebhookGoneError:
                await self._pool.forget(webhook)
                raise
            except AnswerLostError:
                lost = len(sent)
            for pause in LOOKS:
                await asyncio.sleep(pause)
                if found := await self._find(webhook, sent, after):
                    return self._claim(webhook, found)
        shown = self._claim(webhook, answer, sent[-1])
        if lost:
            await self._remove_twin(webhook, sent[:lost], after)
        return shown

    def _claim(self, webhook: Webhook, answer: MessageAnswer, text: str | None = None) -> Shown:
        self._claims.add(int(answer.id))
        return Shown(int(answer.id), answer.content if text is None else text, webhook)

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

    @override
    async def recall(self, message_id: int, text: str, webhook_id: int) -> Shown:
        return Shown(message_id, text, await self._pool.known(webhook_id))

    @override
    async def candidates(self, webhook_id: int, after: int) -> Sequence[Shown]:
        webhook = await self._pool.known(webhook_id)
        name = self._pool.look_of(self._speaker)["username"]
        return [
            Shown(int(message.id), message.content, webhook)
            for message in await self._since(after)
            if message.webhook_id == str(webhook_id)
            and message.author.username == name
            and int(message.id) not in self._claims
        ]

    async def _find(self, webhook: Webhook, texts: Sequence[str], after: int) -> MessageAnswer | None:
        """Look for a post whose answer was lost."""
        wanted = {text.strip() for text in texts}
        for message in await self._since(after):
            is_ours = message.webhook_id == str(webhook.id) and int(message.id) not in self._claims
            if is_ours and message.content.strip() in wanted:
                return message
        return None

    async def _remove_twin(self, webhook: Webhook, texts: Sequence[str], after: int) -> None:
        """Delete a lost post that appeared only after it had been sought and posted again."""
        try:
            if twin := await self._find(webhook, texts, after):
                log.warning("twin_removed", message=twin.id)
                await self.remove(
                    Shown(int(twin.id), twin.content, webhook), self._rest.ticket(Urgency.FINAL)
                )
        except DeliveryError as error:
            log.warning("twin_not_sought", error=type(error).__name__)

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

    @override
    async def recall(self, message_id: int, text: str, webhook_id: int) -> Shown:
        return await self._through(webhook_id).recall(message_id, text, webhook_id)

    @override
    async def candidates(self, webhook_id: int, after: int) -> Sequence[Shown]:
        return await self._through(webhook_id).candidates(webhook_id, after)

    def _through(self, webhook_id: int) -> Mouth:
        return self._webhook if webhook_id else self._bot

    def _of(self, shown: Shown) -> Mouth:
        return self._bot if shown.webhook is None else self._webhook


def _of(shown: Shown) -> Webhook:
    if shown.webhook is None:
        raise WebhookGoneError("This message was not posted by a webhook.")
    return shown.webhook
