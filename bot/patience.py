"""Waiting for a database that is away: it comes back, and what people wrote must not be lost meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from config.logs import get_logger
from storage.errors import StorageUnavailableError

T = TypeVar("T")

log = get_logger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do `work`, again and again while the database is away."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await work()
        except StorageUnavailableError:
            log.warning("waiting_for_storage", seconds=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
