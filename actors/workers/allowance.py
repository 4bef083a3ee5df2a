"""How much a stream may still send before its reader has to catch up."""

import asyncio


class Allowance:
    """Spent by the sender, granted by the reader. May go below zero by one event, never further."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._room = asyncio.Event()
        self._room.set()

    def spend(self, size: int) -> None:
        """Note that `size` was sent."""
        self._left -= size
        if self._left <= 0:
            self._room.clear()

    def grant(self, size: int) -> None:
        """Allow `size` more."""
        self._left += size
        if self._left > 0:
            self._room.set()

    async def room(self) -> None:
        """Return once something may be sent."""
        if self._left <= 0:
            await self._room.wait()
