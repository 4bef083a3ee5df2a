"""The ledger entries of one turn, written in order and off the path of the words."""

import asyncio
from collections.abc import Awaitable, Callable

from actors.personality.ports import TurnLedger
from config.errors import TroupeError
from config.logs import get_logger
from config.trigger_points import reach
from storage.letters import chain_of
from storage.records import Turn, TurnState

log = get_logger(__name__)

PATIENCE_S = 1.0
"""How long words wait for the turn's first entry; a reply is worth more than its record."""
KEEP_TRYING_S = 120.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
SETTLE_S = 5.0


class TurnRecord:
    """Moves a turn through its states; a storage that is away is asked again, beside the words."""

    def __init__(self, turn: Turn, ledger: TurnLedger) -> None:
        self._turn = turn
        self._ledger = ledger
        self._state: TurnState = turn.state
        self._last: asyncio.Task[bool] | None = None

    async def begin(self) -> bool:
        """Record that the turn is taken up; False if it was before. Waits a moment at most."""
        begun = self._queue(lambda: self._ledger.begin(self._turn))
        await asyncio.wait({begun}, timeout=PATIENCE_S)
        reach("after_plan")
        return not begun.done() or begun.result()

    def fail(self, reason: str, error: BaseException | None) -> None:
        """Write that the turn has failed, and its dead letter, after what was noted before."""
        self._state = "failed"
        errors = chain_of(error)
        self._queue(lambda: self._ledger.fail(self._turn, reason=reason, errors=errors))

    def note(self, state: TurnState, *, attempt: int | None = None, reason: str | None = None) -> None:
        """Write a state after those noted before, without waiting; the same state again is nothing new."""
        if (state, attempt) == (self._state, None):
            return
        self._state = state
        self._queue(lambda: self._ledger.advance(self._turn.id, state, attempt=attempt, reason=reason))

    async def settle(self) -> None:
        """Wait until everything noted is written; not for long, it goes on without being waited for."""
        if self._last is not None:
            await asyncio.wait({self._last}, timeout=SETTLE_S)

    def _queue(self, write: Callable[[], Awaitable[bool]]) -> asyncio.Task[bool]:
        self._last = asyncio.get_running_loop().create_task(self._write(self._last, write))
        return self._last

    async def _write(self, before: asyncio.Task[bool] | None, write: Callable[[], Awaitable[bool]]) -> bool:
        """Return what the ledger says; True if it does not answer, for the words matter more."""
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
                return True
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE_S, pause * 2)
