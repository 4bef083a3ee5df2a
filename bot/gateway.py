"""The connection to Discord: one client is one incarnation of a child that is never given up."""

import asyncio
from collections.abc import Callable

import aiohttp
import discord
from discord.http import Route

from bot.client import TroupeClient
from bot.endpoints import point_gateway
from config.errors import TroupeError
from config.logs import get_logger
from config.settings import Settings
from supervision.child import Child, Vitals
from supervision.policy import ENDLESS, Backoff, Policy
from supervision.supervisor import Supervisor, supervisor_child
from supervision.task import task_child

log = get_logger(__name__)

LOGIN_DEADLINE_S = 60.0
DISCONNECT_S, CLOSE_S = 8.0, 5.0
TIRELESS = Policy(intensity=ENDLESS, backoff=Backoff(first_s=0.5, cap_s=60.0, healthy_s=60.0))
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
    """Makes one client after another.

    Attributes:
        client: the one in use, or None between two.
        incarnations: how many there were.
    """

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

    def child(self) -> Child:
        """Return how to supervise it: whatever ends a client, the next one follows.

        Discord is not ours, so nobody gives it up, however long it is away; only a refusal is for good.
        """
        client = task_child("client", self.run, vitals=self._vitals, stop_budget_s=DISCONNECT_S)
        return supervisor_child(
            "discord", lambda: Supervisor("discord", [client], TIRELESS), stop_budget_s=DISCONNECT_S + CLOSE_S
        )

    async def run(self) -> None:
        """Be one client, from its login to its end; closed when cancelled.

        Raises:
            DiscordRefusedError: token or intents are not accepted; trying again would not help.
            Exception: what the connection ended of; any parser of discord.py may raise anything.
        """
        self.client = client = self._make_client()
        self.incarnations += 1
        try:
            async with asyncio.timeout(LOGIN_DEADLINE_S):
                await client.login(self._settings.discord_token or "")
                await self._find_gateway(client)
            await client.connect(reconnect=True)
        except Exception as error:
            log.warning("discord_connection_ended", error=type(error).__name__, detail=str(error)[:200])
            if reason := _reason_of_refusal(error):
                raise DiscordRefusedError(reason) from error
            raise
        finally:
            self.client = None
            await _close(client)

    def _vitals(self) -> Vitals:
        return Vitals(work="connected" if self.is_ready else "connecting")

    async def _find_gateway(self, client: TroupeClient) -> None:
        """A plain discord.py client never asks where the gateway is; another Discord must be asked."""
        if self._settings.discord_api_url and not self._settings.discord_gateway_url:
            answer: dict[str, str] = await client.http.request(Route("GET", "/gateway/bot"))
            point_gateway(answer["url"])


def _reason_of_refusal(error: Exception) -> str | None:
    """Return what only the operator can mend, if it is that."""
    match error:
        case discord.LoginFailure():
            return FATAL_CLOSE_CODES[4004]
        case discord.PrivilegedIntentsRequired():
            return INTENTS_HELP
        case discord.ConnectionClosed(code=code):
            return FATAL_CLOSE_CODES.get(code)
        case _:
            return None


async def _close(client: discord.Client) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await client.close()
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        log.warning("discord_close_failed", error=type(error).__name__)
