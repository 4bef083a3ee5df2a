import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from supervision.breaker import Breaker, BreakerPolicy, BreakerState, Call
from supervision.errors import CircuitOpenError

pytestmark = pytest.mark.unit

POLICY = BreakerPolicy(open_s=15.0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(POLICY, clock)


def state_of(breaker: Breaker) -> BreakerState:
    return breaker.state


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.acquire().failed()


def succeed(breaker: Breaker) -> None:
    breaker.acquire().succeeded()


def test_failures_in_a_row_open_it(breaker: Breaker) -> None:
    fail(breaker, 4)
    assert state_of(breaker) == "closed"
    fail(breaker, 1)
    assert state_of(breaker) == "open"
    with pytest.raises(CircuitOpenError) as refused:
        breaker.acquire()
    assert refused.value.retry_after == 15.0


def test_a_success_breaks_the_row(breaker: Breaker) -> None:
    fail(breaker, 4)
    succeed(breaker)
    fail(breaker, 4)
    assert state_of(breaker) == "closed"


def test_a_bad_rate_opens_it(breaker: Breaker) -> None:
    for _ in range(5):
        assert state_of(breaker) == "closed"
        succeed(breaker)
        fail(breaker, 1)
    assert state_of(breaker) == "open"


def test_old_calls_do_not_count_for_the_rate(breaker: Breaker, clock: Clock) -> None:
    for _ in range(4):
        fail(breaker, 1)
        succeed(breaker)
    clock.now += 31
    succeed(breaker)
    fail(breaker, 1)
    assert state_of(breaker) == "closed"


def test_calls_that_hang_before_they_fail_are_a_row_as_well(breaker: Breaker, clock: Clock) -> None:
    for _ in range(5):
        assert state_of(breaker) == "closed"
        call = breaker.acquire()
        clock.now += 45
        call.failed()
    assert state_of(breaker) == "open"


def test_old_failures_are_no_row(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 4)
    clock.now += 301
    fail(breaker, 4)
    assert state_of(breaker) == "closed"


def test_one_probe_at_a_time_finds_out(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 15
    assert state_of(breaker) == "half_open"
    probe = breaker.acquire()
    with pytest.raises(CircuitOpenError):
        breaker.acquire()
    probe.succeeded()
    assert state_of(breaker) == "closed"
    breaker.acquire()


def test_a_probe_that_is_answered_lets_the_next_one_try(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 15
    breaker.acquire().answered()
    breaker.acquire()
    assert state_of(breaker) == "half_open"


def test_a_failed_probe_opens_it_again_for_twice_as_long_up_to_a_minute(
    breaker: Breaker, clock: Clock
) -> None:
    fail(breaker, 5)
    pauses = []
    for _ in range(4):
        pauses.append(breaker.retry_after_s)
        clock.now += breaker.retry_after_s
        fail(breaker, 1)
    assert pauses == [15.0, 30.0, 60.0, 60.0]


def test_a_good_probe_makes_the_next_pause_short_again(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 15
    fail(breaker, 1)
    clock.now += 30
    succeed(breaker)
    fail(breaker, 5)
    assert breaker.retry_after_s == 15.0


def test_a_probe_that_never_reports_lets_the_next_one_try_later(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 15
    breaker.acquire()
    assert breaker.retry_after_s == 15.0
    clock.now += 15
    breaker.acquire()


def test_a_cancelled_probe_gives_its_place_back(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 15
    breaker.acquire().released()
    breaker.acquire()
    assert state_of(breaker) == "half_open"


def test_retry_after_opens_it_for_as_long(breaker: Breaker, clock: Clock) -> None:
    first, second = breaker.acquire(), breaker.acquire()
    first.failed(retry_after=120.0)
    assert breaker.retry_after_s == 120.0
    second.failed(retry_after=5.0)
    clock.now += 119
    assert state_of(breaker) == "open"
    clock.now += 1
    assert state_of(breaker) == "half_open"


@pytest.mark.parametrize("later", [0.0, 15.0])
def test_calls_from_before_it_opened_say_nothing_any_more(
    breaker: Breaker, clock: Clock, later: float
) -> None:
    good, bad = breaker.acquire(), breaker.acquire()
    fail(breaker, 5)
    clock.now += later
    state, wait = breaker.state, breaker.retry_after_s
    good.succeeded()
    bad.failed()
    assert (breaker.state, breaker.retry_after_s) == (state, wait)


def test_only_the_first_report_of_a_call_counts(breaker: Breaker) -> None:
    call = breaker.acquire()
    call.succeeded()
    for _ in range(5):
        call.failed()
    assert state_of(breaker) == "closed"


def test_several_probes_may_be_asked_for(clock: Clock) -> None:
    breaker = Breaker(BreakerPolicy(probes=2, open_s=15.0), clock)
    fail(breaker, 5)
    clock.now += 15
    for state in ("half_open", "closed"):
        succeed(breaker)
        assert state_of(breaker) == state


def test_trust_closes_it(breaker: Breaker) -> None:
    fail(breaker, 5)
    breaker.close()
    succeed(breaker)
    assert state_of(breaker) == "closed"


class Circuit(RuleBasedStateMachine):
    """Any order of calls and reports: what an open circuit lets through, and that it never stays shut."""

    calls = Bundle("calls")

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.breaker = Breaker(POLICY, self.clock)
        self.probe: Call | None = None
        self.probed_at = 0.0
        self.shut_until = 0.0

    @rule(target=calls)
    def acquire(self) -> Call | None:
        state, was = self.breaker.state, self.probe
        if not self.breaker.allows:
            with pytest.raises(CircuitOpenError) as refused:
                self.breaker.acquire()
            assert refused.value.retry_after is not None
            assert refused.value.retry_after > 0
            return None
        call = self.breaker.acquire()
        assert state != "open"
        assert self.clock.now >= self.shut_until
        if state == "half_open":
            assert was is None or self.clock.now - self.probed_at >= POLICY.probe_s
            self.probe, self.probed_at = call, self.clock.now
        return call

    @rule(call=calls, how=st.sampled_from(["answered", "succeeded", "failed", "released"]))
    def report(self, call: Call | None, how: str) -> None:
        if call is None:
            return
        if call is self.probe:
            self.probe = None
        getattr(call, how)()
        if self.breaker.state == "closed":
            self.probe = None

    @rule(call=calls, seconds=st.floats(0.1, 60.0))
    def ask_for_a_pause(self, call: Call | None, seconds: float) -> None:
        before = self.breaker.openings
        if call is not None:
            call.failed(seconds)
        if self.breaker.openings > before:
            self.shut_until = max(self.shut_until, self.clock.now + seconds)
            self.probe = None

    @rule(seconds=st.floats(0.1, 40.0))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def it_is_known_when_to_come_back(self) -> None:
        breaker = self.breaker
        assert breaker.allows == (breaker.retry_after_s == 0.0)
        assert breaker.state != "closed" or breaker.allows


Circuit.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestCircuit = Circuit.TestCase
