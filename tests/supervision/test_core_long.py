import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.supervision.world import World

pytestmark = pytest.mark.chaos


def test_a_supervisor_keeps_its_promises_over_twenty_thousand_steps() -> None:
    thorough = settings(max_examples=400, stateful_step_count=50, deadline=None)
    run_state_machine_as_test(World, settings=thorough)
