import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision import Breaker, BreakerPolicy, Breakers, CircuitOpenError

pytestmark = pytest.mark.unit


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
    return Breaker(BreakerPolicy(), clock)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed()


def test_failures_in_a_row_open_it(breaker: Breaker) -> None:
    fail(breaker, 4)
    assert breaker.state == "closed"
    fail(breaker, 1)
    assert breaker.state == "open"
    with pytest.raises(CircuitOpenError) as refused:
        breaker.acquire()
    assert refused.value.retry_after == 15.0


def test_a_success_breaks_the_row(breaker: Breaker) -> None:
    fail(breaker, 4)
    breaker.succeeded()
    fail(breaker, 4)
    assert breaker.state == "closed"


def test_a_bad_rate_opens_it(breaker: Breaker) -> None:
    for _ in range(4):
        breaker.succeeded()
        breaker.failed()
    assert breaker.state == "closed"
    breaker.succeeded()
    breaker.failed()
    assert breaker.state == "open"


def test_old_failures_do_not_count(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 4)
    clock.now += 31
    fail(breaker, 4)
    assert breaker.state == "closed"


def test_one_probe_at_a_time_finds_out(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 15
    assert breaker.state == "half_open"
    breaker.acquire()
    with pytest.raises(CircuitOpenError):
        breaker.acquire()
    breaker.succeeded()
    assert breaker.state == "closed"
    breaker.acquire()


def test_a_failed_probe_opens_it_again(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 15
    breaker.acquire()
    breaker.failed()
    assert breaker.state == "open"
    assert breaker.retry_after_s == 15.0


def test_a_probe_that_never_reports_lets_the_next_one_try(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 15
    breaker.acquire()
    clock.now += 15
    breaker.acquire()


def test_a_cancelled_probe_gives_its_place_back(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 15
    breaker.acquire()
    breaker.released()
    breaker.acquire()


def test_retry_after_opens_it_for_as_long(breaker: Breaker, clock: Clock) -> None:
    breaker.failed(retry_after=120.0)
    assert breaker.retry_after_s == 120.0
    breaker.failed(retry_after=5.0)
    clock.now += 119
    assert breaker.state == "open"
    clock.now += 1
    assert breaker.state == "half_open"


def test_reports_of_calls_from_before_it_opened_change_nothing(breaker: Breaker) -> None:
    fail(breaker, 5)
    breaker.succeeded()
    breaker.failed()
    assert breaker.state == "open"
    assert breaker.retry_after_s == 15.0


def test_several_probes_may_be_asked_for(clock: Clock) -> None:
    breaker = Breaker(BreakerPolicy(probes=2), clock)
    fail(breaker, 5)
    clock.now += 15
    for state in ("half_open", "closed"):
        breaker.acquire()
        breaker.succeeded()
        assert breaker.state == state


def test_every_key_has_a_circuit_of_its_own(clock: Clock) -> None:
    breakers: Breakers[tuple[str, str]] = Breakers(BreakerPolicy(), clock)
    fail(breakers.of(("openai", "a")), 5)
    breakers.of(("openai", "b")).acquire()
    assert breakers.states() == {("openai", "a"): "open", ("openai", "b"): "closed"}


@given(st.lists(st.sampled_from(["acquire", "good", "bad", "later"]), max_size=60))
def test_an_open_circuit_lets_one_call_through_at_a_time(steps: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(BreakerPolicy(), clock)
    probed_at: float | None = None
    for step in steps:
        state = breaker.state
        if step == "later":
            clock.now += 7
        elif step == "good":
            breaker.succeeded()
            probed_at = None
        elif step == "bad":
            breaker.failed()
            probed_at = None
        elif _is_allowed(breaker) and state != "closed":
            assert state == "half_open"
            assert probed_at is None or clock.now - probed_at >= BreakerPolicy().open_s
            probed_at = clock.now


def _is_allowed(breaker: Breaker) -> bool:
    try:
        breaker.acquire()
    except CircuitOpenError:
        return False
    return True
