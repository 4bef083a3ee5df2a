"""Producers that wait for room in a full mailbox, first come first served."""

import asyncio
from collections import deque


class Room:
    """The queue of the producers; used on the loop of the actor only."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    async def wait(self, first: bool) -> None:
        """Wait until there may be room.

        Args:
            first: this producer has waited before and keeps its place.
        """
        turn = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if first else self._waiting.append)(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was admitted in this instant, so the next one is
                self.admit()
            raise
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def admit(self) -> None:
        """There is room for one more."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def admit_all(self) -> None:
        """There is nothing to wait for any more."""
        while self._waiting:
            self.admit()
