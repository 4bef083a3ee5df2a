"""How many turns are in flight at once in this process, and who waits for their end."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

import msgspec

from actors.channel.batches import EARLY_S
from actors.channel.messages import TurnAdmitted, TurnShed
from actors.channel.silence import NO_ROOM, WAITED
from config import metrics

Verdict = TurnAdmitted | TurnShed


class AdmissionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a process.

    Attributes:
        at_once: turns in flight; 0 is no bound.
        waiting: turns that may wait; those that somebody called for find room even beyond it.
        wait_s: seconds after which a turn that nobody called for is given up.
    """

    at_once: int = 256
    waiting: int = 1024
    wait_s: float = 30.0


class TurnKey(msgspec.Struct, frozen=True):
    """A turn: who speaks where on which message."""

    channel_id: int
    speaker_id: UUID
    message_id: int


class Admission:
    """Lets turns begin as far as there is room for them; belongs to one event loop.

    Direct calls go before chatter, each of them in order. Load never sheds a call: as every personality of a
    channel has one turn at a time, their number is bounded already. Chatter is shed when it has waited too
    long, and the oldest of it when there is no room to wait. Every turn that was asked for is admitted, shed
    or taken back by `leave`, exactly once.

    Args:
        policy: the bounds.
        tell: puts into a channel's mailbox what became of a turn that had to wait.
    """

    def __init__(self, policy: AdmissionPolicy, tell: Callable[[int, Verdict], None]) -> None:
        self._policy = policy
        self._tell = tell
        self._inside: set[TurnKey] = set()
        self._calls: OrderedDict[TurnKey, None] = OrderedDict()
        self._chatter: OrderedDict[TurnKey, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._open = True

    @property
    def inside(self) -> int:
        """Turns that were admitted and have not ended."""
        return len(self._inside)

    @property
    def waiting(self) -> int:
        """Turns that wait."""
        return len(self._calls) + len(self._chatter)

    def ask(self, turn: TurnKey, *, direct: bool) -> bool:
        """Return whether a turn may begin at once; otherwise its channel is told later."""
        if self._has_room and not self.waiting:
            self._inside.add(turn)
            return True
        if direct:
            self._calls[turn] = None
        else:
            self._chatter[turn] = asyncio.get_running_loop().time() + self._policy.wait_s
        self._shed()
        return False

    def is_waiting(self, turn: TurnKey) -> bool:
        """True for a turn that was neither admitted nor shed yet."""
        return turn in self._calls or turn in self._chatter

    def leave(self, turn: TurnKey) -> None:
        """Note that a turn has ended, or does not want to begin any more; one that is unknown is nothing."""
        self._inside.discard(turn)
        self._calls.pop(turn, None)
        self._chatter.pop(turn, None)
        self._let_in()

    def lost(self, channel_id: int, speaker_id: UUID | None = None) -> None:
        """Note that a personality has crashed, or a whole channel: nothing of theirs ends by itself.

        A turn that waits knows nothing of its personality, but does not outlive its channel.
        """
        waiting = (*self._calls, *self._chatter) if speaker_id is None else ()
        for turn in (*self._inside, *waiting):
            if turn.channel_id == channel_id and speaker_id in {None, turn.speaker_id}:
                self.leave(turn)

    def close(self) -> None:
        """Admit and shed nothing more: what waits stays in the ledger for the next start."""
        self._open = False
        if self._timer is not None:
            self._timer.cancel()

    @property
    def _has_room(self) -> bool:
        return self._open and (self._policy.at_once <= 0 or len(self._inside) < self._policy.at_once)

    def _let_in(self) -> None:
        while self._has_room and self.waiting:
            turn, _ = (self._calls or self._chatter).popitem(last=False)
            self._inside.add(turn)
            self._tell(turn.channel_id, TurnAdmitted(turn.speaker_id, turn.message_id))
        metrics.turns_waiting.set(self.waiting)

    def _shed(self) -> None:
        """Give up the oldest chatter beyond the bound, and what has waited too long."""
        loop = asyncio.get_running_loop()
        while self._open and self._chatter:
            turn, due = next(iter(self._chatter.items()))
            is_crowded = self.waiting > self._policy.waiting
            if not is_crowded and due > loop.time() + EARLY_S:
                self._timer = self._timer or loop.call_at(due, self._on_timer)
                break
            del self._chatter[turn]
            reason = NO_ROOM if is_crowded else WAITED
            self._tell(turn.channel_id, TurnShed(turn.speaker_id, turn.message_id, reason))
        metrics.turns_waiting.set(self.waiting)

    def _on_timer(self) -> None:
        self._timer = None
        self._shed()
