"""The place where characters are seen typing and speaking: Discord."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from uuid import UUID

from typing_extensions import override

from actors.reply.outlet import Delivery, Outlet
from bot.delivery.journal import Journal
from bot.delivery.mouths import BotMouth, Mouth
from bot.delivery.ports import (
    BotVoice,
    DeliveryLedger,
    Faces,
    FindPersonality,
    PublicFace,
    WebhookLedger,
)
from bot.delivery.rest import WebhookRest
from bot.delivery.resumption import find_standing
from bot.delivery.stream import Stream
from bot.delivery.typing_line import TypingLine
from bot.delivery.webhook_mouth import Claims, EitherMouth, WebhookMouth
from bot.delivery.webhooks import WebhookPool
from config.errors import TroupeError
from config.logs import get_logger
from storage.records import Chunk, Personality, Turn, Venue

log = get_logger(__name__)

PREPARE_S = 30.0
NONCE_BYTES = 12
"""Discord takes at most 25 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the outlet works with.

    Attributes:
        rest: requests of webhooks.
        voice: the bot's own messages.
        deliveries: the ledger of visible messages.
        webhooks: our webhooks over restarts.
        faces: the characters' pictures.
        personality: finds a character's definition.
        public_face: an address for a character's picture, if Discord can fetch one.
        application_id: our application, as soon as it is known.
    """

    rest: WebhookRest
    voice: BotVoice
    deliveries: DeliveryLedger
    webhooks: WebhookLedger
    faces: Faces
    personality: FindPersonality
    public_face: PublicFace
    application_id: Callable[[], int | None]


class DiscordOutlet(Outlet):
    """Implements the actors' outlet; belongs to one event loop."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._claims = Claims()
        self._typing = TypingLine(around.rest.show_typing)
        self.pool = WebhookPool(
            around.rest, around.webhooks, around.faces, around.public_face, around.application_id
        )

    @override
    def open(self, turn: Turn, speaker: Personality) -> Delivery:
        journal = Journal(self._around.deliveries, turn.id)
        mouth = self._mouth(turn.venue, speaker)
        return Stream(turn.id, turn.message_id, mouth, journal, self._around.rest.line.serve)

    @override
    async def resume(self, turn: Turn, speaker: Personality, chunks: Sequence[Chunk]) -> tuple[Delivery, str]:
        ledger = self._around.deliveries
        mouth = self._mouth(turn.venue, speaker)
        resumed = await find_standing(mouth, ledger, self._claims, chunks, turn.message_id)
        journal = Journal(ledger, turn.id)
        serve = self._around.rest.line.serve
        return Stream(turn.id, turn.message_id, mouth, journal, serve, resumed), resumed.text

    @override
    def typing(self, venue: Venue) -> AbstractAsyncContextManager[None]:
        return self._typing.shown(venue.channel_id)

    @override
    async def remark(self, venue: Venue, words: str) -> None:
        try:
            async with asyncio.timeout(PREPARE_S):
                await self._around.voice.say(venue.channel_id, f"-# {words}", secrets.token_hex(NONCE_BYTES))
        except (TroupeError, TimeoutError) as error:
            log.warning("not_remarked", channel=venue.channel_id, error=type(error).__name__)

    @override
    async def prepare(self, venue: Venue, speaker_id: UUID) -> None:
        if venue.kind == "dm":
            return
        try:
            async with asyncio.timeout(PREPARE_S):
                speaker = await self._around.personality(speaker_id)
                if speaker is not None:
                    await self._mouth(venue, speaker).ready()
        except (TroupeError, TimeoutError) as error:
            log.warning("not_prepared", channel=venue.channel_id, error=type(error).__name__)

    def _mouth(self, venue: Venue, speaker: Personality) -> Mouth:
        bot = BotMouth(self._around.voice, venue, speaker)
        if venue.kind == "dm":
            return bot
        return EitherMouth(WebhookMouth(self.pool, self._around.rest, self._claims, venue, speaker), bot)
