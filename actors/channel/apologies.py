"""What people are told of a turn that nobody can speak: the character's apology, once."""

import asyncio

from actors.personality import notices
from actors.reply.outlet import Outlet
from config.errors import TroupeError
from config.logs import get_logger
from storage.records import Turn
from storage.stores import Stores

log = get_logger(__name__)

APOLOGY_S = 10.0
UNSEEN = frozenset({"planned", "gone"})
"""States of messages that nobody sees."""


class TurnGivenUpError(TroupeError):
    """Whoever was at a turn ended without an outcome, again and again."""


class Apologies:
    """Speaks for characters that cannot.

    Args:
        stores: everything kept.
        outlet: where characters become visible.
    """

    def __init__(self, stores: Stores, outlet: Outlet) -> None:
        self._stores = stores
        self._outlet = outlet

    async def say(self, turn: Turn) -> None:
        """Close what is visible of a turn, or say that there will be nothing; as well as possible.

        It stands in the ledger like any answer, so that saying it again adds nothing.
        """
        try:
            async with asyncio.timeout(APOLOGY_S):
                await self._say(turn)
        except (TroupeError, TimeoutError) as error:
            log.warning("not_apologised", turn=str(turn.id), error=type(error).__name__)

    async def _say(self, turn: Turn) -> None:
        speaker = await self._stores.personalities.get(turn.personality_id)
        chunks = await self._stores.deliveries.of(turn.id)
        if speaker is None or {chunk.state for chunk in chunks} - UNSEEN == {"final"}:
            return
        delivery, shown = await self._outlet.resume(turn, speaker, chunks)
        error = TurnGivenUpError()
        if shown:
            await delivery.finish(shown, notices.broken_off(error, turn.id))
        else:
            await delivery.fail(notices.error_notice(speaker, error, turn.id))
