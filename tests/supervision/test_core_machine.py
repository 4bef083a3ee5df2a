import pytest
from hypothesis import settings

from tests.supervision.world import World

pytestmark = pytest.mark.unit

World.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_a_supervisor_keeps_its_promises = World.TestCase
