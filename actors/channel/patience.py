"""Waiting for a storage that is away: a channel loses nothing, it only pauses."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from config.errors import TroupeError
from config.logs import get_logger

T = TypeVar("T")

log = get_logger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do `work`, again and again while it fails in a way that may pass.

    Raises:
        TroupeError: it failed for good.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await work()
        except TroupeError as error:
            if not error.retryable:
                raise
            log.warning("channel_waits", error=type(error).__name__, seconds=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
