"""The line that says somebody is typing: one loop per venue, however many characters think there."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from actors.reply.outlet import DeliveryError
from config.logs import get_logger

log = get_logger(__name__)

REFRESH_S = 8.0
"""Discord shows typing for ten seconds (resources, channel)."""
GIVE_UP_S = 8.0


class TypingLine:
    """Shows typing while anybody wants it.

    Args:
        show: shows it once, in a channel.
    """

    def __init__(self, show: Callable[[int], Awaitable[None]]) -> None:
        self._show = show
        self._wanted: dict[int, int] = {}
        self._loops: dict[int, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def shown(self, channel_id: int) -> AsyncGenerator[None]:
        """Show typing while the body runs."""
        self._wanted[channel_id] = self._wanted.get(channel_id, 0) + 1
        if channel_id not in self._loops:
            self._loops[channel_id] = asyncio.create_task(self._refresh(channel_id))
        try:
            yield
        finally:
            self._wanted[channel_id] -= 1
            if not self._wanted[channel_id]:
                del self._wanted[channel_id]
                self._loops.pop(channel_id).cancel()

    async def _refresh(self, channel_id: int) -> None:
        while True:
            try:
                async with asyncio.timeout(GIVE_UP_S):
                    await self._show(channel_id)
            except (DeliveryError, TimeoutError) as error:
                log.debug("typing_not_shown", channel=channel_id, error=type(error).__name__)
            await asyncio.sleep(REFRESH_S)
