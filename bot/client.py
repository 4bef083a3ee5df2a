"""The stock discord.py client: intents, settings, and where its events go."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import aiohttp
import discord
from discord import app_commands
from typing_extensions import override

from bot.heartbeat import watch_heartbeat
from config.logs import get_logger

log = get_logger(__name__)


class Listener(Protocol):
    """Who wants to know what happens on Discord."""

    async def on_message(self, message: discord.Message) -> None:
        """A message was written."""
        ...

    async def on_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """A message was changed."""
        ...

    async def on_delete(self, channel_id: int, message_ids: set[int]) -> None:
        """Messages were deleted."""
        ...

    async def on_ready(self, client: "TroupeClient") -> None:
        """A fresh session began: events before it may have been missed."""
        ...


RegisterCommands = Callable[["TroupeClient"], None]


class TroupeClient(discord.Client):
    """One incarnation of the connection; a crash of any parser ends it and the next one takes over.

    Attributes:
        listener: who is told what happens.
        tree: the slash commands.
        connected_at: when the session in use began; events before it may have been missed.
    """

    def __init__(
        self,
        listener: Listener,
        register: RegisterCommands,
        connector: aiohttp.BaseConnector | None = None,
    ) -> None:
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # characters do not call
        super().__init__(
            intents=_intents(),
            connector=connector,
            max_messages=None,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.5,
            chunk_guilds_at_startup=False,
        )
        self.listener = listener
        self.tree = app_commands.CommandTree(self)
        self.connected_at = datetime.now(UTC)
        self._watch: asyncio.Task[None] | None = None
        register(self)

    @override
    async def setup_hook(self) -> None:
        commands = await self.tree.sync()
        log.info("commands_registered", count=len(commands))
        self._watch = asyncio.create_task(watch_heartbeat(self), name="heartbeat")

    @override
    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        await super().close()

    async def on_connect(self) -> None:
        """Note when a session began, before anything is heard in it."""
        self.connected_at = datetime.now(UTC)

    async def on_ready(self) -> None:
        """Tell the listener that a fresh session began."""
        await self.listener.on_ready(self)

    async def on_message(self, message: discord.Message) -> None:
        """Pass on a new message."""
        await self.listener.on_message(message)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Pass on an edit, also of messages from before this start."""
        await self.listener.on_edit(payload)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Pass on a deletion."""
        await self.listener.on_delete(payload.channel_id, {payload.message_id})

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Pass on a deletion of many."""
        await self.listener.on_delete(payload.channel_id, payload.message_ids)

    @override
    async def on_error(self, event_method: str, /, *args: object, **kwargs: object) -> None:
        log.error("event_handler_failed", handler=event_method, exc_info=sys.exc_info())


def _intents() -> discord.Intents:
    intents = discord.Intents.none()
    intents.guilds = True
    intents.messages = True
    intents.message_content = True
    intents.reactions = True
    return intents
