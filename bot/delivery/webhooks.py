"""The webhooks of each channel, one per character as far as they go."""

import asyncio
import base64
from collections.abc import Callable

import msgspec

from actors.reply.outlet import VenueGoneError
from bot.delivery.answers import WebhookAnswer
from bot.delivery.errors import (
    AnswerLostError,
    RequestRefusedError,
    WebhookGoneError,
    WebhookUnavailableError,
)
from bot.delivery.names import acceptable
from bot.delivery.ports import Faces, PublicFace, WebhookLedger
from bot.delivery.rest import WebhookRest
from config.errors import TroupeError
from config.logs import get_logger
from storage.records import Personality
from storage.stores.webhooks import Webhook

log = get_logger(__name__)

CAP = 8
"""Webhooks of ours per channel; Discord allows 15 to all bots together (code 30007)."""
DISCORD_CAP = 15
NO_FACE = ""
"""Stands for a webhook without picture, where None stands for one whose picture is not known."""


class _Hook:
    """A webhook of ours in use."""

    __slots__ = ("face_hash", "used_at", "webhook")

    def __init__(self, webhook: Webhook, face_hash: str | None) -> None:
        self.webhook = webhook
        self.face_hash = face_hash
        self.used_at = 0.0


class _Shelf:
    """Our webhooks of one channel."""

    __slots__ = ("hooks", "is_listed", "is_loaded", "lock", "strangers")

    def __init__(self) -> None:
        self.hooks: list[_Hook] = []
        self.lock = asyncio.Lock()
        self.is_loaded = False
        self.is_listed = False
        self.strangers = 0


class WebhookPool:
    """Finds, creates and shares webhooks.

    Args:
        rest: Discord.
        ledger: where webhooks are kept over restarts.
        faces: the characters' pictures.
        public_face: an address for a character's picture, if Discord can fetch one.
        application_id: our application, as soon as it is known; its webhooks are taken over.
        cap: webhooks of ours per channel.
    """

    def __init__(
        self,
        rest: WebhookRest,
        ledger: WebhookLedger,
        faces: Faces,
        public_face: PublicFace,
        application_id: Callable[[], int | None],
        cap: int = CAP,
    ) -> None:
        self._rest = rest
        self._ledger = ledger
        self._faces = faces
        self._public_face = public_face
        self._application_id = application_id
        self._cap = cap
        self._shelves: dict[int, _Shelf] = {}

    async def of(self, channel_id: int, speaker: Personality) -> Webhook:
        """Return the webhook through which `speaker` speaks in a channel; a thread's is its parent's.

        Raises:
            WebhookUnavailableError: the channel gives us none.
            DeliveryError: Discord cannot be asked.
        """
        shelf = self._shelves.setdefault(channel_id, _Shelf())
        async with shelf.lock:
            await self._load(shelf, channel_id)
            while True:
                hook = await self._choose(shelf, channel_id, speaker)
                hook.used_at = asyncio.get_running_loop().time()
                if await self._dress(hook, speaker):
                    return hook.webhook

    async def known(self, webhook_id: int) -> Webhook | None:
        """Return a webhook of an earlier process, if it is still in use."""
        return await self._ledger.get(webhook_id)

    async def forget(self, webhook: Webhook) -> None:
        """Use a webhook no more: Discord does not know it."""
        shelf = self._shelves.get(webhook.channel_id)
        if shelf is not None:
            shelf.hooks = [hook for hook in shelf.hooks if hook.webhook.id != webhook.id]
            shelf.is_listed = False
        log.warning("webhook_gone", webhook=webhook.id, channel=webhook.channel_id)
        try:
            await self._ledger.forget(webhook.id)
        except TroupeError as error:
            log.warning("webhook_not_forgotten", error=type(error).__name__)

    def look_of(self, speaker: Personality) -> dict[str, str]:
        """Return the name and, where it has an address, the face that go with every message."""
        look = {"username": acceptable(speaker.name)}
        if face := self._public_face(speaker):
            look["avatar_url"] = face
        return look

    async def _load(self, shelf: _Shelf, channel_id: int) -> None:
        if shelf.is_loaded:
            return
        try:
            shelf.hooks = [_Hook(webhook, None) for webhook in await self._ledger.of(channel_id)]
            shelf.is_loaded = True
        except TroupeError as error:
            log.warning("webhooks_not_loaded", error=type(error).__name__)

    async def _choose(self, shelf: _Shelf, channel_id: int, speaker: Personality) -> _Hook:
        if hook := _reserved_for(shelf, speaker):
            return hook
        await self._list(shelf, channel_id)
        free = [hook for hook in shelf.hooks if hook.webhook.personality_id is None]
        if not free and len(shelf.hooks) < min(self._cap, DISCORD_CAP - shelf.strangers):
            return await self._create(shelf, channel_id, speaker)
        candidates = free or shelf.hooks
        if not candidates:
            raise WebhookUnavailableError("Other bots hold every webhook of this channel.")
        hook = min(candidates, key=lambda one: one.used_at)
        await self._reserve(hook, speaker)
        return hook

    async def _list(self, shelf: _Shelf, channel_id: int) -> None:
        """Learn which webhooks exist: ours are taken over, those that are gone are forgotten."""
        if shelf.is_listed:
            return
        try:
            listed = await self._rest.webhooks_of(channel_id)
        except (VenueGoneError, RequestRefusedError) as error:
            raise WebhookUnavailableError(error.message).caused_by(error) from error
        ours = {int(one.id): one for one in listed if self._is_ours(one)}
        known = {hook.webhook.id for hook in shelf.hooks}
        for hook in [hook for hook in shelf.hooks if hook.webhook.id not in {int(one.id) for one in listed}]:
            await self.forget(hook.webhook)
        for webhook_id, one in ours.items():
            if webhook_id not in known:
                await self._keep(shelf, _Hook(Webhook(webhook_id, channel_id, one.token or ""), None))
        shelf.strangers = len(listed) - len(shelf.hooks)
        shelf.is_listed = True

    def _is_ours(self, one: WebhookAnswer) -> bool:
        return one.token is not None and one.application_id == str(self._application_id())

    async def _create(self, shelf: _Shelf, channel_id: int, speaker: Personality) -> _Hook:
        """Create a webhook. A creation whose answer was lost is found by the next listing."""
        try:
            made = await self._rest.create_webhook(
                channel_id, acceptable(speaker.name), await self._face(speaker)
            )
        except AnswerLostError:
            shelf.is_listed = False
            raise
        except (VenueGoneError, RequestRefusedError) as error:
            raise WebhookUnavailableError(error.message).caused_by(error) from error
        webhook = Webhook(int(made.id), channel_id, made.token or "", speaker.id)
        log.info("webhook_created", webhook=webhook.id, channel=channel_id)
        return await self._keep(shelf, _Hook(webhook, speaker.face_hash or NO_FACE))

    async def _keep(self, shelf: _Shelf, hook: _Hook) -> _Hook:
        shelf.hooks.append(hook)
        await self._record(hook.webhook)
        return hook

    async def _reserve(self, hook: _Hook, speaker: Personality) -> None:
        hook.webhook = msgspec.structs.replace(hook.webhook, personality_id=speaker.id)
        hook.face_hash = None
        await self._record(hook.webhook)

    async def _record(self, webhook: Webhook) -> None:
        try:
            await self._ledger.add(webhook)
        except TroupeError as error:
            log.warning("webhook_not_recorded", error=type(error).__name__)

    async def _dress(self, hook: _Hook, speaker: Personality) -> bool:
        """Let the webhook wear the speaker's face, unless every message brings it along.

        Returns:
            false if the webhook is gone.
        """
        wanted = speaker.face_hash or NO_FACE
        if hook.face_hash == wanted or self._public_face(speaker):
            return True
        try:
            await self._rest.dress_webhook(hook.webhook, acceptable(speaker.name), await self._face(speaker))
            hook.face_hash = wanted
        except WebhookGoneError:
            await self.forget(hook.webhook)
            return False
        except TroupeError as error:
            log.warning("webhook_not_dressed", webhook=hook.webhook.id, error=type(error).__name__)
        return True

    async def _face(self, speaker: Personality) -> str | None:
        if speaker.face_hash is None:
            return None
        try:
            png = await self._faces.get(speaker.face_hash)
        except TroupeError as error:
            log.warning("face_not_loaded", error=type(error).__name__)
            return None
        return None if png is None else "data:image/png;base64," + base64.b64encode(png).decode()


def _reserved_for(shelf: _Shelf, speaker: Personality) -> _Hook | None:
    return next((hook for hook in shelf.hooks if hook.webhook.personality_id == speaker.id), None)
