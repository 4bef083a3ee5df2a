"""The ledger entries of one turn: the first before any word is seen, the others beside the words."""

import asyncio
from collections.abc import Awaitable, Callable

from actors.personality.ports import TurnLedger
from config.errors import TroupeError
from config.logs import get_logger
from config.trigger_points import reach
from storage.letters import chain_of
from storage.records import Turn, TurnState

log = get_logger(__name__)

KEEP_TRYING_S = 3600.0
"""How long the course of a turn is tried to be written."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 2.0
SETTLE_S = 5.0


class NotRecordedError(TroupeError):
    """The ledger does not take a turn, so that nothing of it may be seen."""


class TurnRecord:
    """Moves a turn through its states; a storage that is away is asked again.

    Attributes:
        state: the newest state, written or not.
    """

    def __init__(self, turn: Turn, ledger: TurnLedger) -> None:
        self._turn = turn
        self._ledger = ledger
        self.state: TurnState = turn.state
        self._last: asyncio.Task[bool | None] | None = None

    async def begin(self, within_s: float) -> bool:
        """Record that the turn is taken up; False if it was before. Waits for a storage that is away.

        Raises:
            NotRecordedError: the ledger refuses, or does not answer in time.
        """
        begun = self._queue(lambda: self._ledger.begin(self._turn))
        await asyncio.wait({begun}, timeout=within_s)
        is_new = begun.result() if begun.done() else None
        if is_new is None:
            raise NotRecordedError
        reach("after_plan")
        return is_new

    def fail(self, reason: str, error: BaseException | None) -> None:
        """Write that the turn has failed, and its dead letter, after what was noted before."""
        self.state = "failed"
        errors = chain_of(error)
        self._queue(lambda: self._ledger.fail(self._turn, reason=reason, errors=errors))

    def note(self, state: TurnState, *, attempt: int | None = None, reason: str | None = None) -> None:
        """Write a state after those noted before, without waiting; the same state again is nothing new."""
        if (state, attempt) == (self.state, None):
            return
        self.state = state
        self._queue(lambda: self._ledger.advance(self._turn.id, state, attempt=attempt, reason=reason))

    async def settle(self) -> None:
        """Wait until everything noted is written; not for long, it goes on without being waited for."""
        if self._last is not None:
            await asyncio.wait({self._last}, timeout=SETTLE_S)

    def _queue(self, write: Callable[[], Awaitable[bool]]) -> asyncio.Task[bool | None]:
        self._last = asyncio.get_running_loop().create_task(self._write(self._last, write))
        return self._last

    async def _write(
        self, before: asyncio.Task[bool | None] | None, write: Callable[[], Awaitable[bool]]
    ) -> bool | None:
        """Return what the ledger says; None if it refuses."""
        if before is not None:
            await asyncio.wait({before})
        pause = FIRST_PAUSE_S
        give_up_at = asyncio.get_running_loop().time() + KEEP_TRYING_S
        while True:
            try:
                return await write()
            except TroupeError as error:
                is_over = not error.retryable or asyncio.get_running_loop().time() > give_up_at
                log.warning("turn_not_recorded", turn=str(self._turn.id), error=type(error).__name__)
            if is_over:
                return None
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_S, pause * 2)
