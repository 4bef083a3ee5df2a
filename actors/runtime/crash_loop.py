"""When an actor that fails again and again may start once more."""

import random
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import msgspec

from supervision.policy import Backoff

MOST_COUNTED = 10_000
"""Keys whose failures are counted; beyond it, who has been well for longest is forgotten."""

K = TypeVar("K", bound=Hashable)


class CrashPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What failing again and again costs the actor of a key, and the message that it fails of.

    Attributes:
        lives: incarnations that one message may kill before it is taken out.
        backoff: delay before the next incarnation; a key that fails no more for `healthy_s` starts afresh.
        intensity: failures within `period_s`; one more and the key rests.
        period_s: seconds.
        rest_s: seconds that a key rests.
        start_s: seconds that an `on_start` may take; beyond it the start has failed. None for any time.
        waiting: messages that wait while no incarnation receives any, as many as a default mailbox holds.
    """

    lives: int = 3
    backoff: Backoff = Backoff()
    intensity: int = 10
    period_s: float = 60.0
    rest_s: float = 120.0
    start_s: float | None = 30.0
    waiting: int = 10_000


class _Record:
    """The failures of one key: how many in a row, the late ones, and when the delay of the last is over."""

    __slots__ = ("failures", "recent", "until")

    def __init__(self) -> None:
        self.failures = 0
        self.recent: deque[float] = deque()
        self.until = 0.0


class CrashLoops(Generic[K]):
    """Remembers which keys failed of late; a key that has been well for long enough is forgotten."""

    def __init__(self, policy: CrashPolicy | None = None, draw: Callable[[], float] = random.random) -> None:
        """Remember nothing yet.

        Args:
            policy: what to decide by.
            draw: gives random numbers in [0, 1) for the jitter.
        """
        self.policy = policy or CrashPolicy()
        self._draw = draw
        self._records: OrderedDict[K, _Record] = OrderedDict()
        self._counts: OrderedDict[K, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def count(self, key: K) -> int:
        """Return how often a key has failed since the start, healthy or not by now."""
        return self._counts.get(key, 0)

    def failed(self, key: K, now: float) -> float:
        """Note a failure; return seconds until the next incarnation may start.

        Args:
            key: whose actor failed.
            now: seconds of a clock that never goes back.
        """
        self._forget_the_healthy(now)
        self._count(key)
        record = self._records.pop(key, None)
        if record is None or self._is_healthy(record, now):
            record = _Record()
        self._records[key] = record
        record.failures += 1
        delay_s = self._delay(record, now)
        record.until = now + delay_s
        return delay_s

    def _count(self, key: K) -> None:
        self._counts[key] = self._counts.pop(key, 0) + 1
        if len(self._counts) > MOST_COUNTED:
            self._counts.popitem(last=False)

    def _delay(self, record: _Record, now: float) -> float:
        recent = record.recent
        recent.append(now)
        while now - recent[0] > self.policy.period_s:
            recent.popleft()
        if len(recent) <= self.policy.intensity:
            return self.policy.backoff.delay(record.failures, self._draw())
        recent.clear()
        return self.policy.rest_s

    def _is_healthy(self, record: _Record, now: float) -> bool:
        return now - record.until > self.policy.backoff.healthy_s

    def _forget_the_healthy(self, now: float) -> None:
        """Go through the records from the one that failed first, as far as they are over."""
        while self._records:
            key, record = next(iter(self._records.items()))
            if not self._is_healthy(record, now):
                return
            del self._records[key]
