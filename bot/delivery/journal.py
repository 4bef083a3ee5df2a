"""What the ledger is told about one delivery: what will be posted before it is, all else beside the words."""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from uuid import UUID

from bot.delivery.errors import NotRecordedError
from bot.delivery.ports import DeliveryLedger
from config.errors import TroupeError
from config.logs import get_logger

log = get_logger(__name__)

WRITE_S = 2.0
"""Deadline of one write."""

KEEP_TRYING_S = 3600.0
"""How long what has become visible is tried to be written."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 2.0

Write = Callable[[], Awaitable[object]]


class Journal:
    """Writes one delivery's steps to the ledger. One that is away is asked again."""

    def __init__(self, ledger: DeliveryLedger, turn_id: UUID) -> None:
        self._ledger = ledger
        self._turn_id = turn_id
        self._writes: list[Write] = []
        self._texts: dict[int, str] = {}
        self._task: asyncio.Task[None] | None = None

    async def intend(self, position: int, webhook_id: int) -> None:
        """Say that a message will be posted through a webhook; returns once that is written.

        Raises:
            NotRecordedError: the ledger refuses for good.
        """
        await self._keep_trying(lambda: self._ledger.plan(self._turn_id, position), math.inf)
        await self._keep_trying(lambda: self._ledger.posting(self._turn_id, position, webhook_id), math.inf)

    def posted(self, position: int, message_id: int, text: str) -> None:
        """Note the message and its text."""
        self._note(lambda: self._ledger.posted(self._turn_id, position, message_id))
        self.shows(position, text)

    def shows(self, position: int, text: str) -> None:
        """Note what a message shows by now; the newest text replaces one that is not written yet."""
        is_waiting = position in self._texts
        self._texts[position] = text
        if not is_waiting:
            self._note(lambda: self._checkpoint(position))

    def final(self, position: int, text: str) -> None:
        """Note that a message is complete."""
        self._note(lambda: self._ledger.final(self._turn_id, position, text))

    def gone(self, position: int) -> None:
        """Note that a message does not exist any more."""
        self._note(lambda: self._ledger.gone(self._turn_id, position))

    async def settled(self, seconds: float = WRITE_S) -> None:
        """Wait until all is written, at most so long."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=seconds)

    async def _checkpoint(self, position: int) -> None:
        """Write the newest text. It counts as waiting until it is sent, and again when it was not taken.

        Then a newer one may wait behind it: whichever is tried first takes the newest, and nothing is left.
        """
        if (text := self._texts.pop(position, None)) is None:
            return
        try:
            await self._ledger.checkpoint(self._turn_id, position, text)
        except (TroupeError, TimeoutError, asyncio.CancelledError):
            self._texts.setdefault(position, text)
            raise

    def _note(self, write: Write) -> None:
        self._writes.append(write)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._writes:
            with contextlib.suppress(NotRecordedError):
                await self._keep_trying(self._writes.pop(0), KEEP_TRYING_S)

    async def _keep_trying(self, write: Write, seconds: float) -> None:
        pause = FIRST_PAUSE_S
        give_up_at = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                async with asyncio.timeout(WRITE_S):
                    await write()
                    return
            except (TroupeError, TimeoutError) as error:
                log.warning("delivery_not_recorded", turn=str(self._turn_id), error=type(error).__name__)
                is_lasting = isinstance(error, TroupeError) and not error.retryable
                if is_lasting or asyncio.get_running_loop().time() > give_up_at:
                    raise NotRecordedError from error
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_S, pause * 2)
