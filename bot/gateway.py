"""The connection to Discord, kept alive: one incarnation follows another unless the refusal is final."""

import asyncio
import random
from collections.abc import Callable

import aiohttp
import discord
from discord.http import Route

from bot.client import TroupeClient
from bot.endpoints import point_gateway
from config.errors import TroupeError
from config.logs import get_logger
from config.settings import Settings

log = get_logger(__name__)

LOGIN_DEADLINE_S = 60.0
LONGEST_PAUSE_S = 60.0
FATAL_CLOSE_CODES = {
    4004: "Discord does not accept the bot's token.",
    4010: "Discord refuses this shard number.",
    4011: "This bot is in too many servers for one connection; it must be sharded.",
    4012: "Discord no longer speaks this gateway version.",
    4013: "Discord does not know an intent that the bot asked for.",
}
INTENTS_HELP = (
    "The bot needs the Message Content intent: switch it on under Bot → Privileged Gateway Intents"
    " in Discord's developer portal."
)


class DiscordRefusedError(TroupeError):
    """Discord refuses this bot for good; only the operator can mend it."""

    fatal = True


class Gateway:
    """Runs one client after another. `client` is the one in use, or None between two."""

    def __init__(self, settings: Settings, make_client: Callable[[], TroupeClient]) -> None:
        self._settings = settings
        self._make_client = make_client
        self.client: TroupeClient | None = None
        self.incarnations = 0

    @property
    def is_ready(self) -> bool:
        """True while a session is established."""
        return self.client is not None and self.client.is_ready()

    @property
    def application_id(self) -> int | None:
        """Our application, once Discord has told."""
        return self.client.application_id if self.client is not None else None

    async def run(self) -> None:
        """Stay connected until cancelled.

        Raises:
            DiscordRefusedError: token or intents are not accepted; trying again would not help.
        """
        failures = 0
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await self._one_incarnation()
            except DiscordRefusedError:
                raise
            except Exception as error:  # noqa: BLE001 - any parser of discord.py may raise anything
                log.warning("discord_connection_ended", error=type(error).__name__, detail=str(error)[:200])
            healthy = asyncio.get_running_loop().time() - started > LONGEST_PAUSE_S
            failures = 1 if healthy else failures + 1
            await asyncio.sleep(_pause(failures))

    async def _one_incarnation(self) -> None:
        client = self._make_client()
        self.client = client
        self.incarnations += 1
        try:
            async with asyncio.timeout(LOGIN_DEADLINE_S):
                await client.login(self._settings.discord_token or "")
                await self._find_gateway(client)
            await client.connect(reconnect=True)
        except discord.LoginFailure as error:
            raise DiscordRefusedError(FATAL_CLOSE_CODES[4004]) from error
        except discord.PrivilegedIntentsRequired as error:
            raise DiscordRefusedError(INTENTS_HELP) from error
        except discord.ConnectionClosed as error:
            if reason := FATAL_CLOSE_CODES.get(error.code):
                raise DiscordRefusedError(reason) from error
            raise
        finally:
            self.client = None
            await _close(client)

    async def _find_gateway(self, client: TroupeClient) -> None:
        """A plain discord.py client never asks where the gateway is; another Discord must be asked."""
        if self._settings.discord_api_url and not self._settings.discord_gateway_url:
            answer: dict[str, str] = await client.http.request(Route("GET", "/gateway/bot"))
            point_gateway(answer["url"])


def _pause(failures: int) -> float:
    """Exponential backoff with full jitter, in seconds."""
    return random.uniform(0.1, min(LONGEST_PAUSE_S, 0.5 * 2**failures))  # noqa: S311 - jitter


async def _close(client: discord.Client) -> None:
    try:
        async with asyncio.timeout(5):
            await client.close()
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        log.warning("discord_close_failed", error=type(error).__name__)
