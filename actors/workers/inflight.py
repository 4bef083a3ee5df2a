"""A stream as the stage sees it: what has arrived and was not read yet."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from actors.models.chat import ChatEvent
from actors.workers.frames import WINDOW, size_of
from config.errors import TroupeError


class InFlight:
    """Events between a worker's connection and one reader. `grant` is called with what the reader took."""

    def __init__(self, grant: Callable[[int], None]) -> None:
        self._grant = grant
        self._events: deque[ChatEvent] = deque()
        self._taken = 0
        self._over = False
        self._error: TroupeError | None = None
        self._reader: asyncio.Future[None] | None = None

    def push(self, events: Sequence[ChatEvent]) -> None:
        """Add what arrived."""
        self._events.extend(events)
        self._wake()

    def end(self, error: TroupeError | None = None) -> None:
        """Nothing more will come; `error` is raised once everything before it was read."""
        if not self._over:
            self._over, self._error = True, error
            self._wake()

    async def next(self) -> ChatEvent | None:
        """Return the next event, or None at the end.

        Raises:
            TroupeError: what the worker reported, or `WorkerLostError`.
        """
        while not self._events:
            if self._error is not None:
                raise self._error
            if self._over:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        event = self._events.popleft()
        self._took(size_of(event))
        return event

    def _took(self, size: int) -> None:
        self._taken += size
        if self._taken >= WINDOW // 2 and not self._over:
            self._grant(self._taken)
            self._taken = 0

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
