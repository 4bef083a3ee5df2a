"""Postgres is killed, out of reach or locked under a running stage, for up to a minute, and comes back."""

import asyncio

import asyncpg
import pytest

from chaos.plan import HUSH, SPROCKET, ZUZU
from chaos.rig import Rig
from tests.faults.house import House, Scene
from tests.faults.wire import Mode, wire_to

pytestmark = pytest.mark.chaos

AWAY_S = 60.0
RECOVERED_S = 45.0
"""Postgres is known to be dead after 35 s without an answer; the rest is for the answers."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("away_s", [0.0, 5.0])
async def test_a_database_that_dies_loses_and_doubles_nothing(away_s: float) -> None:
    async with Rig("none", channels=4) as rig:
        await rig.start()
        for _ in range(2):
            rig.talk.say(0, HUSH, ZUZU)
            rig.talk.say(1, SPROCKET)
            await asyncio.sleep(0.8)
        await rig.postgres.kill()
        rig.talk.say(2, HUSH)
        await asyncio.sleep(away_s)
        rig.talk.say(0, SPROCKET)
        await rig.postgres.start()
        rig.talk.say(3, ZUZU)
        await rig.settled(rig.talk.said)
        assert rig.stage.is_alive
        assert await rig.complaints() == []


async def speak_for_a_minute(house: House) -> list[Scene]:
    """Let people speak every ten seconds, each time in other channels."""
    scenes = []
    for _ in range(6):
        scenes.append(house.scene())
        scenes[-1].speak()
        await asyncio.sleep(AWAY_S / 6)
    return scenes


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mode", ["cut", "full", "clogged", "lost", "slow"])
async def test_a_database_out_of_reach_for_a_minute_delays_and_loses_nothing(
    database_dsn: str, mode: Mode
) -> None:
    async with wire_to(database_dsn) as (wire, dsn), House(database_dsn, bot_dsn=dsn) as house:
        await house.start()
        wire.turn(mode)
        scenes = await speak_for_a_minute(house)
        wire.turn("open")
        await asyncio.gather(*(scene.settled(RECOVERED_S) for scene in scenes))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("table", ["messages", "turns", "deliveries"])
async def test_a_table_that_is_locked_for_a_minute_delays_and_loses_nothing(
    database_dsn: str, table: str
) -> None:
    async with House(database_dsn) as house:
        await house.start()
        connection = await asyncpg.connect(database_dsn)
        async with connection.transaction():
            await connection.execute(f"lock table {table} in access exclusive mode")
            scenes = await speak_for_a_minute(house)
        await connection.close()
        await asyncio.gather(*(scene.settled(RECOVERED_S) for scene in scenes))
