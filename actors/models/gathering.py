"""Leaves tokens of many streams in the kernel for a moment: one wake-up then brings several of each."""

import asyncio
import contextlib
import socket
from typing import Protocol

import aiohttp

GATHER_S = 0.04
"""A good period for many streams at once; a tenth of what a reader of edits could notice."""

TOGETHER = 32
"""Streams that are let go in one beat. More would keep the last of them waiting for the first."""

HELD_BYTES = 16 * 1024
"""So much wakes the reader before the beat: the kernel's buffer never fills for the sake of gathering."""


class Connection(Protocol):
    """The part of a transport that is needed here."""

    def is_closing(self) -> bool:
        """True from the first step of its end on."""
        ...

    def get_extra_info(self, name: str, /) -> socket.socket | None:
        """Return its socket."""
        ...


class Gatherer:
    """Raises the low-water mark of sockets, and lowers it for up to `TOGETHER` of them on a common beat.

    The kernel then reports them as readable in one go, and what they bring leaves in one go, too. An end of
    the connection is reported at once.

    Args:
        period_s: the longest time that a token lies in the kernel.
    """

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._held: list[Connection] = []

    def hold(self, response: aiohttp.ClientResponse) -> None:
        """Let nobody wake for this answer's next tokens until the beat."""
        connection = response.connection
        transport = connection.transport if connection is not None else None
        if transport is None:
            return
        if not self._held or len(self._held) >= TOGETHER:
            self._held = []
            asyncio.get_running_loop().call_later(self._period_s, self._beat, self._held)
        self._held.append(transport)
        _set_mark(transport, HELD_BYTES)

    def _beat(self, held: list[Connection]) -> None:
        if held is self._held:
            self._held = []
        for transport in held:
            _set_mark(transport, 1)


def _set_mark(transport: Connection, size: int) -> None:
    """Set how many bytes make a socket readable; one that is closed has no such number, nor needs it.

    A closed socket's number may belong to somebody else already, or be none at all.
    """
    sock = None if transport.is_closing() else transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):  # the other side may have ended it in this moment
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
