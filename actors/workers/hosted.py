"""A worker as a child of a supervisor, although it lives in a process of somebody else's."""

import asyncio
from collections.abc import Callable
from typing import Any

from actors.workers.errors import HostError
from actors.workers.frames import Hello

FAREWELL_S = 2.0
"""How long a worker may take to end once its connection was closed in good order."""


class HostedWorker:
    """One incarnation. EOF, silence and the host's own word are one and the same end.

    Args:
        part: makes the worker leave in peace, when its streams have ended.
        slay: makes sure that it is dead; called at every end.
    """

    def __init__(self, part: Callable[[], None], slay: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._part = part
        self._slay = slay
        self._hello: asyncio.Future[Hello] = loop.create_future()
        self._end: asyncio.Future[HostError] = loop.create_future()

    @property
    def pid(self) -> int | None:
        """Its process; None before its hello."""
        return self._hello.result().pid if self._hello.done() else None

    def joined(self, hello: Hello) -> None:
        """It has said hello."""
        if not self._hello.done():
            self._hello.set_result(hello)

    def left(self) -> None:
        """It has said goodbye: let it send its last traces, then make sure that it is gone."""
        asyncio.get_running_loop().call_later(FAREWELL_S, self.lost, "left")

    def lost(self, reason: str) -> None:
        """It is gone, or as good as gone."""
        if not self._end.done():
            self._end.set_result(HostError(f"The worker is gone: {reason}"))
            self._slay()

    async def born(self) -> None:
        """Wait for its hello.

        Raises:
            HostError: it died before.
        """
        either: list[asyncio.Future[Any]] = [self._hello, self._end]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._end.done():
            raise self._end.result()

    async def ended(self) -> HostError:
        """Wait for its end."""
        return await asyncio.shield(self._end)

    async def stop(self) -> None:
        """Let it finish its streams."""
        self._part()
        await asyncio.wait([self._end])

    def kill(self) -> None:
        """End it."""
        self.lost("killed")
