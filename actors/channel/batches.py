"""What waits for one personality: messages in batches, each answered by one turn."""

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from actors.channel.messages import MessageCreated

MAX_WAITING = 8
"""Turns that may wait for one personality; further words that call nobody are given up, counted and noted."""
MAX_BURST = 20
"""Messages that one turn may answer."""
LONGEST_SETTLE_S = 5.0
"""However fast its author goes on writing, a batch waits no longer than this for more."""
EARLY_S = 0.005
"""Timers of an event loop may fire this much before their time."""


@dataclass(slots=True)
class Batch:
    """Consecutive messages of one author; `ready_at` is when they have settled, or at once if `direct`."""

    heard: list[MessageCreated]
    direct: bool
    opened_at: float
    ready_at: float

    @property
    def author_id(self) -> int:
        """Who wrote them."""
        return self.heard[0].message.author.id

    def add(self, heard: MessageCreated, ready_at: float, *, direct: bool) -> None:
        """Collect one more message, for which the batch waits a little longer."""
        self.heard.append(heard)
        self.direct = self.direct or direct
        self.ready_at = min(max(self.ready_at, ready_at), self.opened_at + LONGEST_SETTLE_S)

    def is_ready(self, now: float) -> bool:
        """True when the turn may start."""
        return self.direct or self.ready_at <= now + EARLY_S


@dataclass(slots=True)
class Queue:
    """One personality: what it is answering now, and what waits for it."""

    speaking: list[MessageCreated] = field(default_factory=list[MessageCreated])
    waiting: deque[Batch] = field(default_factory=deque[Batch])
    given_up: int = 0

    def collects(self, author_id: int) -> bool:
        """True when a message of this author goes into a batch that waits already."""
        if not self.waiting:
            return False
        last = self.waiting[-1]
        return last.author_id == author_id and len(last.heard) < MAX_BURST

    def put(self, heard: MessageCreated, now: float, settle_s: float, *, direct: bool) -> bool:
        """Let a message wait; False if there is no room. For a call there always is: rates bound those."""
        ready_at = now + min(settle_s, LONGEST_SETTLE_S)
        if self.collects(heard.message.author.id):
            self.waiting[-1].add(heard, ready_at, direct=direct)
        elif direct or len(self.waiting) < MAX_WAITING:
            self.waiting.append(Batch([heard], direct, now, ready_at))
        else:
            self.given_up += 1
            return False
        return True

    def take_ready(self, now: float) -> Batch | None:
        """Take the first batch that need not wait any more."""
        ready = next((batch for batch in self.waiting if batch.is_ready(now)), None)
        if ready is not None:
            self.waiting.remove(ready)
        return ready

    def forget(self, message_ids: Collection[int]) -> list[MessageCreated]:
        """Take messages out of what waits; returns those that were there."""
        gone = [heard for heard in self._all_waiting() if heard.message.id in message_ids]
        for batch in self.waiting:
            batch.heard = [heard for heard in batch.heard if heard.message.id not in message_ids]
        self.waiting = deque(batch for batch in self.waiting if batch.heard)
        return gone

    def clear(self) -> list[MessageCreated]:
        """Take out all that waits."""
        waiting = list(self._all_waiting())
        self.waiting.clear()
        return waiting

    def is_of(self, author_id: int) -> bool:
        """True when an author is being answered or waits for it."""
        heard = (*self.speaking, *self._all_waiting())
        return any(one.message.author.id == author_id for one in heard)

    def _all_waiting(self) -> Iterator[MessageCreated]:
        return (heard for batch in self.waiting for heard in batch.heard)
