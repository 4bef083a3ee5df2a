"""Trying again what may be tried again, for as long as the caller waits."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.delivery.errors import AnswerLostError
from config.logs import get_logger

log = get_logger(__name__)

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0

Answer = TypeVar("Answer")


async def patiently(request: Callable[[], Awaitable[Answer]]) -> Answer:
    """Send a request that may safely be sent twice until its answer arrives; cancel to give up.

    Raises:
        DeliveryError: the answer was a refusal.
    """
    failures = 0
    while True:
        try:
            return await request()
        except AnswerLostError as error:
            failures += 1
            log.info("answer_lost", what=error.message, failures=failures)
        await asyncio.sleep(pause(failures))


def pause(failures: int) -> float:
    """Return an exponential pause with jitter, in seconds."""
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures - 1, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311 - jitter
