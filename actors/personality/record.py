"""The ledger entries of one turn, written in order and off the path of the words."""

import asyncio
from uuid import UUID

from actors.personality.ports import TurnLedger
from config.errors import TroupeError
from config.logs import get_logger
from storage.records import Turn, TurnState

log = get_logger(__name__)


class TurnRecord:
    """Moves a turn through its states; a write that fails is logged, for the words matter more."""

    def __init__(self, turn: Turn, ledger: TurnLedger) -> None:
        self._turn = turn
        self._ledger = ledger
        self._state: TurnState = "planned"
        self._last: asyncio.Task[None] | None = None

    async def plan(self) -> bool:
        """Record the turn; False if it is known already.

        Raises:
            TroupeError: the storage does not answer.
        """
        return await self._ledger.plan(self._turn)

    def note(self, state: TurnState, *, attempt: int | None = None, reason: str | None = None) -> None:
        """Write a state after those noted before, without waiting; the same state again is nothing new."""
        if (state, attempt) == (self._state, None):
            return
        self._state = state
        self._last = asyncio.get_running_loop().create_task(
            self._write(self._last, self._turn.id, state, attempt, reason)
        )

    async def settle(self) -> None:
        """Wait until everything noted is written or given up."""
        if self._last is not None:
            await asyncio.shield(self._last)

    async def _write(
        self,
        before: asyncio.Task[None] | None,
        turn_id: UUID,
        state: TurnState,
        attempt: int | None,
        reason: str | None,
    ) -> None:
        if before is not None:
            await before
        try:
            await self._ledger.advance(turn_id, state, attempt=attempt, reason=reason)
        except TroupeError as error:
            log.warning("turn_state_lost", turn=str(turn_id), state=state, error=type(error).__name__)
