import pytest
from hypothesis import settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from tests.supervision.world import World

pytestmark = pytest.mark.chaos


class CountedWorld(World):
    """Counts its steps over all examples, as long as there is anybody to decide about."""

    steps = 0

    @invariant()
    def counts(self) -> None:
        CountedWorld.steps += self.over is None


def test_a_supervisor_keeps_its_promises_over_ten_thousand_steps() -> None:
    thorough = settings(max_examples=800, stateful_step_count=50, deadline=None)
    run_state_machine_as_test(CountedWorld, settings=thorough)
    assert CountedWorld.steps >= 10_000
