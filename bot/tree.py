"""`troupe tree`: what the running stage is made of, and how each part does."""

import asyncio
import sys

import aiohttp
import msgspec

from bot.control import ask_running
from config.errors import TroupeError
from config.logs import configure_logging
from config.settings import load_settings
from supervision.tree import Node, render


class NotRunningError(TroupeError):
    """No Troupe runs here."""


def show(*, as_json: bool) -> int:
    """Print the live tree; returns the exit code.

    Raises:
        NotRunningError: nobody answers; says what to do.
        TroupeError: what answers is no Troupe of ours.
    """
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    try:
        answer = asyncio.run(ask_running(settings, "GET", "/control/tree"))
    except aiohttp.ClientConnectorError as error:
        raise NotRunningError(
            f"No Troupe runs here: nothing listens on {settings.http}. Start it with `troupe run`, or set"
            " TROUPE_HTTP and TROUPE_DATA_DIR as they are set for the running one."
        ) from error
    node = msgspec.json.decode(answer, type=Node)
    words = answer if as_json else render(node, colours=sys.stdout.isatty())
    print(words)  # noqa: T201 - this is the terminal
    return 0
