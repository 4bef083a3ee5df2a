"""A circuit breaker: stops asking a failing provider, and finds out gently when it is well again."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, Literal, TypeVar

import msgspec

from supervision.errors import CircuitOpenError

K = TypeVar("K", bound=Hashable)
BreakerState = Literal["closed", "open", "half_open"]


class BreakerPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When a circuit opens and how it closes.

    Attributes:
        consecutive: failures in a row within `window_s` that open it.
        rate: share of failed calls within `window_s` that opens it.
        least_calls: calls within `window_s` below which the rate says nothing.
        window_s: seconds that a call counts.
        open_s: seconds until a first probe; also the longest that one probe keeps others waiting.
        probes: successful probes in a row that close it.
    """

    consecutive: int = 5
    rate: float = 0.5
    least_calls: int = 10
    window_s: float = 30.0
    open_s: float = 15.0
    probes: int = 1


class Breaker:
    """One circuit. Ask `acquire` before a call and report its outcome by `succeeded` or `failed`."""

    def __init__(self, policy: BreakerPolicy, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._calls: deque[tuple[float, bool]] = deque()
        self._opened_until: float | None = None
        self._probing_until: float | None = None
        self._good_probes = 0

    @property
    def state(self) -> BreakerState:
        """closed: ask freely; open: don't; half_open: one call at a time may find out."""
        if self._opened_until is None:
            return "closed"
        return "open" if self._clock() < self._opened_until else "half_open"

    @property
    def retry_after_s(self) -> float:
        """Seconds until another call may be allowed."""
        until = max(self._opened_until or 0.0, self._probing_until or 0.0)
        return max(0.0, until - self._clock())

    def acquire(self) -> None:
        """Allow one call.

        Raises:
            CircuitOpenError: not now; its `retry_after` says when.
        """
        state = self.state
        if state == "closed":
            return
        now = self._clock()
        if state == "open" or (self._probing_until is not None and now < self._probing_until):
            raise CircuitOpenError(retry_after=self.retry_after_s)
        self._probing_until = now + self._policy.open_s

    def succeeded(self) -> None:
        """A call came to a good end."""
        if self.state == "half_open":
            self._probing_until = None
            self._good_probes += 1
            if self._good_probes >= self._policy.probes:
                self._opened_until = None
                self._calls.clear()
        elif self.state == "closed":
            self._remember(good=True)

    def failed(self, retry_after: float | None = None) -> None:
        """A call failed by the other side's fault.

        Args:
            retry_after: seconds in which the other side doesn't want to be asked; opens the circuit at once.
        """
        if retry_after is not None:
            self._open(retry_after)
        elif self.state == "half_open":
            self._open(self._policy.open_s)
        elif self.state == "closed":
            self._remember(good=False)
            if self._is_bad():
                self._open(self._policy.open_s)

    def released(self) -> None:
        """A call ended without telling anything, such as one that was cancelled."""
        self._probing_until = None

    def _remember(self, *, good: bool) -> None:
        now = self._clock()
        self._calls.append((now, good))
        while now - self._calls[0][0] > self._policy.window_s:
            self._calls.popleft()

    def _is_bad(self) -> bool:
        outcomes = [good for _, good in self._calls]
        in_a_row = next((n for n, good in enumerate(reversed(outcomes)) if good), len(outcomes))
        if in_a_row >= self._policy.consecutive:
            return True
        return (
            len(outcomes) >= self._policy.least_calls
            and outcomes.count(False) / len(outcomes) >= self._policy.rate
        )

    def _open(self, seconds: float) -> None:
        until = self._clock() + seconds
        self._opened_until = max(until, self._opened_until or until)
        self._probing_until = None
        self._good_probes = 0
        self._calls.clear()


class Breakers(Generic[K]):
    """A circuit per key, such as (provider, model)."""

    def __init__(self, policy: BreakerPolicy, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._breakers: dict[K, Breaker] = {}

    def of(self, key: K) -> Breaker:
        """Return the circuit of a key."""
        breaker = self._breakers.get(key)
        if breaker is None:
            breaker = self._breakers[key] = Breaker(self._policy, self._clock)
        return breaker

    def states(self) -> dict[K, BreakerState]:
        """Return the state of every circuit that was ever used."""
        return {key: breaker.state for key, breaker in self._breakers.items()}
