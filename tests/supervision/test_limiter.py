"""How many calls at once another side takes, learned from what it refuses."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supervision.limiter import AdaptiveLimit, LimitPolicy

pytestmark = pytest.mark.unit

MOST = 64
HOLD_S = LimitPolicy().hold_s


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> AdaptiveLimit:
    return AdaptiveLimit(LimitPolicy(most=MOST), clock)


def fill(limit: AdaptiveLimit) -> None:
    while limit.has_room:
        limit.enter()


def refuse(limit: AdaptiveLimit, times: int, begun: float = 100.0) -> None:
    for _ in range(times):
        limit.refused(begun)
        limit.leave()


def round_of_successes(limit: AdaptiveLimit) -> None:
    for _ in range(limit.limit):
        fill(limit)
        limit.succeeded()
        limit.leave()


def test_at_first_the_most_is_allowed(limit: AdaptiveLimit) -> None:
    fill(limit)
    assert limit.in_flight == MOST


def test_a_burst_that_is_partly_refused_teaches_what_was_taken(limit: AdaptiveLimit) -> None:
    fill(limit)
    refuse(limit, MOST - 8)
    assert (limit.limit, limit.in_flight) == (8, 8)


def test_a_refusal_far_below_the_limit_halves_it(limit: AdaptiveLimit) -> None:
    limit.enter()
    refuse(limit, 1)
    assert limit.limit == MOST // 2


def test_refusals_of_one_moment_halve_it_once(limit: AdaptiveLimit, clock: Clock) -> None:
    limit.enter()
    limit.enter()
    clock.now += 1
    refuse(limit, 2)
    assert limit.limit == MOST // 2


def test_one_call_is_always_tried(limit: AdaptiveLimit) -> None:
    for _ in range(20):
        limit.enter()
        refuse(limit, 1)
    assert limit.limit == 1


def test_what_was_learned_is_kept_for_a_while(limit: AdaptiveLimit, clock: Clock) -> None:
    fill(limit)
    refuse(limit, MOST - 8)
    clock.now += HOLD_S - 1
    for _ in range(20):
        round_of_successes(limit)
    assert limit.limit == 8


def test_a_round_of_successes_at_the_limit_raises_it_by_one(limit: AdaptiveLimit, clock: Clock) -> None:
    fill(limit)
    refuse(limit, MOST - 8)
    clock.now += HOLD_S
    round_of_successes(limit)
    assert limit.limit == 9


def test_successes_far_below_the_limit_prove_nothing(limit: AdaptiveLimit, clock: Clock) -> None:
    fill(limit)
    refuse(limit, MOST - 8)
    clock.now += HOLD_S
    for _ in range(7):
        limit.leave()
    for _ in range(50):
        limit.succeeded()
    assert limit.limit == 8


class Learning(RuleBasedStateMachine):
    """A server that takes only so many at once: the limit ends there, within its bounds, whatever comes."""

    @initialize(takes=st.integers(1, MOST))
    def begin(self, takes: int) -> None:
        self.takes = takes
        self.clock = Clock()
        self.limit = AdaptiveLimit(LimitPolicy(most=MOST), self.clock)
        self.was = MOST

    @rule(calls=st.integers(1, MOST))
    def burst(self, calls: int) -> None:
        begun = self.clock.now
        for _ in range(calls):
            if self.limit.has_room:
                self.limit.enter()
        is_taught = not self.limit.has_room and self.limit.in_flight > self.takes
        while self.limit.in_flight > self.takes:
            self.limit.refused(begun)
            self.limit.leave()
        assert not is_taught or self.limit.limit == self.takes

    @precondition(lambda self: self.limit.in_flight > 0)
    @rule()
    def end_well(self) -> None:
        self.limit.succeeded()
        self.limit.leave()

    @precondition(lambda self: self.limit.in_flight > 0)
    @rule()
    def give_up(self) -> None:
        self.limit.leave()

    @rule(seconds=st.floats(0.1, 2 * HOLD_S))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def it_stays_within_its_bounds(self) -> None:
        assert 1 <= self.limit.limit <= MOST
        assert self.limit.limit <= self.was + 1
        assert 0 <= self.limit.in_flight <= self.takes
        self.was = self.limit.limit


Learning.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLearning = Learning.TestCase
