"""How another process of this machine's user talks to the running stage."""

import aiohttp

from bot.operators import control_token
from config.errors import TroupeError
from config.settings import Settings

ASK_S = 90.0
EVERYWHERE = frozenset({"", "0.0.0.0"})  # noqa: S104 - what an operator may have set, dialled as this machine


async def ask_running(settings: Settings, method: str, path: str, body: bytes = b"") -> str:
    """Ask the running stage and return its words.

    Raises:
        aiohttp.ClientConnectorError: nothing listens.
        TroupeError: it refuses, or does not answer.
    """
    headers = {"Authorization": f"Bearer {control_token(settings.data_path)}"}
    deadline = aiohttp.ClientTimeout(total=ASK_S)
    url = f"http://{_reachable(settings.http)}{path}"
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=deadline) as session,
            session.request(method, url, data=body) as answer,
        ):
            words = await answer.text()
            if not answer.ok:
                raise TroupeError(f"The running Troupe refused: {words}")
            return words
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientError, TimeoutError) as error:
        raise TroupeError(
            f"What listens on {settings.http} does not answer ({type(error).__name__}). Is it Troupe?"
        ) from error


def _reachable(address: str) -> str:
    """Turn the address that the operators' port listens on into one that can be dialled."""
    host, _, port = address.rpartition(":")
    return f"{'127.0.0.1' if host in EVERYWHERE else host}:{port}"
