"""A connection whose heartbeats are not acknowledged is dead, whatever else it may say.

discord.py notices only a whole minute of complete silence, and then waits half a minute for a farewell.
"""

import asyncio
import os
import socket
import time
from typing import Any

import discord

from config.logs import get_logger

log = get_logger(__name__)

ACK_S = 10.0
"""How long an acknowledgement may take; Discord wants a dead connection to be left at the next heartbeat."""
LOOKS_PER_ACK = 10


async def watch_heartbeat(client: discord.Client) -> None:
    """Cut every connection of a client that is dead; discord.py then resumes its session. Never returns."""
    while True:
        await asyncio.sleep(ACK_S / LOOKS_PER_ACK)
        if (late := _late_by(client)) > 0.0:
            log.warning("heartbeat_not_acknowledged", seconds_late=round(late, 1))
            _cut(client)


def _late_by(client: discord.Client) -> float:
    """Return by how many seconds the acknowledgement is overdue."""
    ws: Any = getattr(client, "ws", None)  # absent before the first connection
    pulse = None if ws is None else ws._keep_alive  # noqa: SLF001 - told nowhere else
    if pulse is None or pulse.interval is None:
        return 0.0
    due_at: float = pulse._last_ack + pulse.interval + ACK_S  # noqa: SLF001 - same
    return time.perf_counter() - due_at


def _cut(client: discord.Client) -> None:
    """End the TCP connection without waiting for the other side, who does not hear us."""
    plug = client.ws.socket.get_extra_info("socket")
    if plug is None or plug.fileno() < 0:
        return
    with socket.socket(fileno=os.dup(plug.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)
