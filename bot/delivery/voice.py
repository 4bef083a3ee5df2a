"""The bot's own messages through stock discord.py, for DMs and channels that give us no webhook."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import aiohttp
import discord
from typing_extensions import override

from actors.reply.outlet import DeliveryError, VenueGoneError
from bot.delivery.errors import AnswerLostError, BadFormError, MessageGoneError, RequestRefusedError
from bot.delivery.ports import BotVoice

DEADLINE_S = 60.0
"""Deadline of one request; discord.py waits for rate limits inside."""
MOST_READ = 500
_UNKNOWN_MESSAGE = 10008
_INVALID_FORM = 50035


class ClientVoice(BotVoice):
    """Speaks as the bot.

    Args:
        client: the client in use; None between two connections.
    """

    def __init__(self, client: Callable[[], discord.Client | None]) -> None:
        self._client = client

    @override
    async def say(self, channel_id: int, text: str, nonce: str) -> int:
        async with _typed_errors():
            channel = self._connected().get_partial_messageable(channel_id)
            message = await channel.send(text, nonce=nonce, allowed_mentions=discord.AllowedMentions.none())
            return message.id

    @override
    async def change(self, channel_id: int, message_id: int, text: str) -> None:
        async with _typed_errors():
            channel = self._connected().get_partial_messageable(channel_id)
            await channel.get_partial_message(message_id).edit(
                content=text, allowed_mentions=discord.AllowedMentions.none()
            )

    @override
    async def said(self, channel_id: int, after: int) -> list[tuple[int, str]]:
        async with _typed_errors():
            client = self._connected()
            history = client.get_partial_messageable(channel_id).history(
                limit=MOST_READ, after=discord.Object(after), oldest_first=True
            )
            return [
                (message.id, message.content)
                async for message in history
                if client.user is not None and message.author.id == client.user.id
            ]

    @override
    async def remove(self, channel_id: int, message_id: int) -> None:
        async with _typed_errors():
            channel = self._connected().get_partial_messageable(channel_id)
            await channel.get_partial_message(message_id).delete()

    def _connected(self) -> discord.Client:
        client = self._client()
        if client is None:
            raise AnswerLostError("There is no connection to Discord.")
        return client


@asynccontextmanager
async def _typed_errors() -> AsyncGenerator[None]:
    """Turn discord.py's errors into ours."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield
    except discord.DiscordServerError as error:
        raise AnswerLostError(f"HTTP {error.status}").caused_by(error) from error
    except discord.HTTPException as error:
        raise _refusal(error).caused_by(error) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise AnswerLostError(type(error).__name__).caused_by(error) from error


def _refusal(error: discord.HTTPException) -> DeliveryError:
    message = f"HTTP {error.status}, code {error.code}"
    if error.code == _UNKNOWN_MESSAGE:
        return MessageGoneError(message)
    if error.code == _INVALID_FORM:
        return BadFormError(message)
    if isinstance(error, discord.Forbidden | discord.NotFound):
        return VenueGoneError(message)
    return RequestRefusedError(message)
