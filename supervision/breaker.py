"""A circuit breaker: stops asking a failing provider, and finds out gently when it is well again."""

from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec

from supervision.errors import CircuitOpenError

BreakerState = Literal["closed", "open", "half_open"]


class BreakerPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When a circuit opens and how it closes.

    Attributes:
        consecutive: failures in a row, each at most `row_s` old, that open it.
        row_s: seconds that a failure counts in a row; calls that hang take long to fail.
        rate: share of failed calls within `window_s` that opens it.
        least_calls: calls within `window_s` below which the rate says nothing.
        window_s: seconds that a call counts for the rate.
        open_s: seconds until a first probe; each probe that fails doubles them.
        longest_open_s: the most that this comes to.
        probe_s: the longest in seconds that one probe keeps others waiting.
        probes: successful probes that close it.
    """

    consecutive: int = 5
    row_s: float = 300.0
    rate: float = 0.5
    least_calls: int = 10
    window_s: float = 30.0
    open_s: float = 2.0
    longest_open_s: float = 60.0
    probe_s: float = 15.0
    probes: int = 1


class Breaker:
    """One circuit. Ask `acquire` before a call and report how the call went to what it returns.

    Attributes:
        openings: how often it has opened.
    """

    def __init__(self, policy: BreakerPolicy, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._row: list[float] = []
        self._opened_until: float | None = None
        self.openings = 0
        self._probe: Call | None = None
        self._good_probes = self._bad_probes = 0

    @property
    def state(self) -> BreakerState:
        """closed: ask freely; open: don't; half_open: one call at a time may find out."""
        if self._opened_until is None:
            return "closed"
        return "open" if self._clock() < self._opened_until else "half_open"

    @property
    def retry_after_s(self) -> float:
        """Seconds until another call may be allowed; 0 when it is now."""
        if self._opened_until is None:
            return 0.0
        probed_until = 0.0 if self._probe is None else self._probe.begun + self._policy.probe_s
        return max(0.0, max(self._opened_until, probed_until) - self._clock())

    @property
    def allows(self) -> bool:
        """A call would be let through now."""
        return self._opened_until is None or self.retry_after_s <= 0

    def acquire(self) -> "Call":
        """Allow one call.

        Raises:
            CircuitOpenError: not now; its `retry_after` says when.
        """
        if not self.allows:
            raise CircuitOpenError(retry_after=self.retry_after_s)
        call = Call(self, self.openings, self._clock())
        if self._opened_until is not None:
            self._probe = call
        return call

    def close(self) -> None:
        """Trust the other side again, whatever was."""
        self._opened_until = None
        self._bad_probes = 0
        self._forget()

    def succeeded(self, call: "Call") -> None:
        """Take in a good end; those begun before the circuit opened say nothing any more."""
        self.answered(call)
        if call.openings != self.openings:
            return
        if self._opened_until is None:
            self._row.clear()
            self._remember(good=True)
            return
        self._good_probes += 1
        if self._good_probes >= self._policy.probes:
            self.close()

    def failed(self, call: "Call", retry_after: float | None) -> None:
        """Take in a bad end; a wish to be left alone counts whenever the call began."""
        self.answered(call)
        if retry_after:
            self._open(retry_after)
        elif call.openings == self.openings:
            if self._opened_until is None:
                self._row.append(self._clock())
                self._remember(good=False)
            if self._opened_until is not None or self._is_bad():
                self._open(self._next_pause_s())

    def answered(self, call: "Call") -> None:
        """Let the next one probe: this call does not keep the place any longer."""
        if self._probe is call:
            self._probe = None

    def _remember(self, *, good: bool) -> None:
        now = self._clock()
        self._outcomes.append((now, good))
        while now - self._outcomes[0][0] > self._policy.window_s:
            self._outcomes.popleft()

    def _is_bad(self) -> bool:
        now, policy = self._clock(), self._policy
        self._row = [at for at in self._row if now - at <= policy.row_s]
        if len(self._row) >= policy.consecutive:
            return True
        bad = sum(not good for _, good in self._outcomes)
        return len(self._outcomes) >= policy.least_calls and bad / len(self._outcomes) >= policy.rate

    def _next_pause_s(self) -> float:
        """Return how long to leave the other side alone: the longer, the more probes have failed."""
        if self._opened_until is not None:
            self._bad_probes += 1
        return min(self._policy.longest_open_s, self._policy.open_s * 2.0**self._bad_probes)

    def _open(self, seconds: float) -> None:
        self._opened_until = max(self._clock() + seconds, self._opened_until or 0.0)
        self._forget()
        self.openings += 1

    def _forget(self) -> None:
        """Let calls before now say nothing any more."""
        self._probe = None
        self._good_probes = 0
        self._outcomes.clear()
        self._row.clear()


class Call:
    """One call that a circuit let through. The first report of its end counts, later ones don't.

    Attributes:
        openings: how often the circuit had opened when the call began.
        begun: when that was, by the circuit's clock.
    """

    __slots__ = ("_breaker", "_ended", "begun", "openings")

    def __init__(self, breaker: Breaker, openings: int, begun: float) -> None:
        self._breaker = breaker
        self._ended = False
        self.openings = openings
        self.begun = begun

    def answered(self) -> None:
        """The other side has begun to answer: if this is a probe, the next one may try as well."""
        self._breaker.answered(self)

    def succeeded(self) -> None:
        """The call came to a good end."""
        if not self._ended:
            self._ended = True
            self._breaker.succeeded(self)

    def failed(self, retry_after: float | None = None) -> None:
        """The call failed by the other side's fault.

        Args:
            retry_after: seconds in which the other side doesn't want to be asked; opens the circuit at once.
        """
        if not self._ended:
            self._ended = True
            self._breaker.failed(self, retry_after)

    def released(self) -> None:
        """The call ended without telling anything, such as one that was cancelled."""
        self._ended = True
        self._breaker.answered(self)
