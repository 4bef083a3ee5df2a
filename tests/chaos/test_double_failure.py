"""Postgres goes away, and before it is back the stage is killed too: nobody may know of a post."""

import asyncio

import pytest

from chaos.plan import HUSH, Event, Moment
from chaos.rig import Rig
from tests.faults.wire import wire_to

pytestmark = pytest.mark.service

AWAY_S = 4.0
"""Long enough for words to be thought that must not be seen."""


@pytest.mark.parametrize("last_heard", ["asked", "posted"])
async def test_a_stage_killed_while_its_database_is_away_has_posted_nothing_in_secret(
    database_dsn: str, last_heard: Event
) -> None:
    async with (
        wire_to(database_dsn) as (wire, over_wire),
        Rig("none", channels=1, dsn=database_dsn, stage_dsn=over_wire) as rig,
    ):
        await rig.start()
        for _ in range(2):
            rig.talk.say(0, words="some idle words,")
        cut = asyncio.create_task(rig.board.wait(Moment(last_heard, 1)))
        await asyncio.sleep(0)
        rig.talk.say(0, HUSH)
        await cut
        wire.turn("cut")
        await asyncio.sleep(AWAY_S)
        await rig.stage.kill()
        wire.turn("open")
        await rig.recovered()
        assert await rig.complaints() == []
