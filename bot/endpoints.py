"""Which Discord to speak to: the real one, or any server that speaks its protocol."""

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from config.settings import Settings

API_PATH = "/api/v10"


def point_discord_py(settings: Settings) -> None:
    """Let discord.py use `DISCORD_API_URL` and `DISCORD_GATEWAY_URL`; without them nothing changes.

    discord.py keeps both addresses in class attributes and offers no option for them.
    """
    if settings.discord_api_url:
        Route.BASE = api_base(settings.discord_api_url)
    if settings.discord_gateway_url:
        point_gateway(settings.discord_gateway_url)


def point_gateway(url: str) -> None:
    """Let discord.py open its gateway connections at `url`."""
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)


def api_base(url: str) -> str:
    """Return the REST base with its version path; `url` may come with or without `/api/v10`."""
    url = url.rstrip("/")
    return url if "/api/v" in yarl.URL(url).path else url.removesuffix("/api") + API_PATH
