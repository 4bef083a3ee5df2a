"""While running: turns that nobody is at any more go on, and so does what an operator wants tried again."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from actors.channel.recovery import RETRIED, Recovery
from actors.channel.undertaker import POISON
from config.errors import TroupeError
from config.logs import get_logger
from storage.records import Turn
from storage.stores import Stores

log = get_logger(__name__)

LOOK_EVERY_S = 5.0
LIVES = 3
"""How often a begun turn is given to its personality; then it is a dead letter, and people are told."""
PURGE_EVERY = timedelta(hours=1)
KEEP_LETTERS = timedelta(days=30)
MOST_LETTERS = 10_000


class LateRecovery:
    """Looks into the ledger every few seconds for what no actor of this process is at.

    A turn is nobody's when it has begun and its personality does not speak, when it waits beyond its
    deadline, when its channel has crashed, or when it is to be tried again. It must be found so twice in a
    row, since an outcome may be on its way to the ledger; a channel that knows it already ignores it.

    Args:
        stores: everything kept.
        recovery: tells channels.
        is_taken: whether somebody is at a turn, or it waits to be admitted.
        apologise: tells people that a turn is given up; raises nothing.
        now: the time, with a zone.
    """

    def __init__(
        self,
        stores: Stores,
        recovery: Recovery,
        is_taken: Callable[[Turn], bool],
        apologise: Callable[[Turn], Awaitable[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._stores = stores
        self._recovery = recovery
        self._is_taken = is_taken
        self._apologise = apologise
        self._now = now
        self._crashed: set[int] = set()
        self._found: set[UUID] = set()
        self._told: set[int] = set()
        self._tries: Counter[UUID] = Counter()
        self._purged_at: datetime | None = None

    async def run(self) -> None:
        """Look for ever; a storage that is away is asked again at the next look."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look()
            except TroupeError as error:
                log.warning("late_recovery_waits", error=type(error).__name__)

    def crashed(self, channel_id: int) -> None:
        """Note that all that a channel had in mind is gone."""
        self._crashed.add(channel_id)

    async def look(self) -> None:
        """Look once.

        Raises:
            TroupeError: the storage is away, or refuses.
        """
        now, crashed = self._now(), self._crashed
        self._crashed = set()
        before, unfinished = self._found, await self._stores.turns.unfinished()
        nobodys = [turn for turn in unfinished if self._is_left(turn, now, crashed)]
        self._found = {turn.id for turn in nobodys}
        due = [turn for turn in nobodys if turn.id in before or _is_retried(turn)]
        if due:
            await self._take_up(due, now)
        self._tries = Counter({which: self._tries[which] for which in self._found if self._tries[which]})
        await self._tell_again(now)
        await self._purge(now)

    async def _take_up(self, turns: Sequence[Turn], now: datetime) -> None:
        """Let turns go on; one that is left again and again kills whoever is at it."""
        log.info("turns_found", count=len(turns))
        poison = [turn for turn in turns if self._tries[turn.id] >= LIVES]
        await asyncio.gather(*(self._give_up(turn) for turn in poison))
        going_on = [turn for turn in turns if turn not in poison]
        self._tries.update(turn.id for turn in going_on if turn.state != "planned")
        await self._recovery.take_up(going_on, now)

    async def _give_up(self, turn: Turn) -> None:
        """Tell people first: an apology that stands in the ledger is not made again."""
        await self._apologise(turn)
        await self._stores.turns.fail(turn, reason=POISON)

    def _is_left(self, turn: Turn, now: datetime, crashed: set[int]) -> bool:
        if self._is_taken(turn):
            return False
        is_known = turn.id in self._found or turn.venue.channel_id in crashed
        return turn.state != "planned" or _is_retried(turn) or turn.deadline < now or is_known

    async def _tell_again(self, now: datetime) -> None:
        messages = await self._stores.messages.retried()
        new = [message for message in messages if message.id not in self._told]
        self._told = {message.id for message in messages}
        for message in new:
            self._recovery.tell_anew(message, now)

    async def _purge(self, now: datetime) -> None:
        if self._purged_at is None or now - self._purged_at >= PURGE_EVERY:
            self._purged_at = now
            if (count := await self._stores.dead_letters.purge(now - KEEP_LETTERS, MOST_LETTERS)) > 0:
                log.info("dead_letters_purged", count=count)


def _is_retried(turn: Turn) -> bool:
    return turn.state == "planned" and turn.reason == RETRIED
