"""A slice of the chaos that runs with every test run."""

import pytest

from tests.chaos.rig import HUSH, ZUZU, Chaos

pytestmark = pytest.mark.service


@pytest.mark.parametrize("point", ["after_inbox", "after_post", "mid_edit"])
async def test_a_stage_that_is_killed_loses_and_doubles_nothing(chaos: Chaos, point: str) -> None:
    await chaos.start(f"{point}:kill")
    chaos.say(0, HUSH)
    chaos.say(1, HUSH, ZUZU)
    await chaos.died()
    await chaos.restart()
    await chaos.settled()
    assert await chaos.complaints() == []
