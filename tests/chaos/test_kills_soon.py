"""A slice of the chaos that runs with every test run."""

import pytest

from chaos.plan import HUSH, ZUZU
from chaos.rig import Rig

pytestmark = pytest.mark.service


@pytest.mark.parametrize("point", ["after_inbox", "after_post", "mid_edit"])
async def test_a_stage_that_is_killed_loses_and_doubles_nothing(rig: Rig, point: str) -> None:
    await rig.start(f"{point}:kill")
    rig.talk.say(0, HUSH)
    rig.talk.say(1, HUSH, ZUZU)
    await rig.stage.died()
    await rig.recovered()
    assert await rig.complaints() == []
