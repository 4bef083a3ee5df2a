"""The stage is killed everywhere and again; `TROUPE_CHAOS_LOOPS` and `TROUPE_CHAOS_SEED` say how often."""

import asyncio
import os
import random
import secrets
import statistics
import sys

import pytest
from msgspec.structs import replace

from chaos.plan import CHARACTERS, HUSH, SPROCKET, ZUZU
from chaos.rig import Rig
from chaos.script import reply_to
from config.trigger_points import NAMES

pytestmark = pytest.mark.chaos

LOOPS = int(os.environ.get("TROUPE_CHAOS_LOOPS", "10"))
SEED = int(os.environ.get("TROUPE_CHAOS_SEED") or secrets.randbelow(2**32))
IN_FLIGHT = 50
RESUMED_S = 10.0


@pytest.mark.parametrize("point", NAMES)
async def test_a_kill_at_this_point_loses_and_doubles_nothing(rig: Rig, point: str) -> None:
    await rig.start(f"{point}:kill")
    rig.talk.say(0, HUSH)
    rig.talk.say(0, HUSH, ZUZU, SPROCKET)
    rig.talk.say(1, ZUZU)
    rig.talk.say(2, SPROCKET)
    await rig.stage.died()
    await rig.recovered()
    assert await rig.complaints() == []


@pytest.mark.timeout(60 + 45 * LOOPS)
async def test_kill_after_kill_loses_and_doubles_nothing(rig: Rig) -> None:
    sys.stdout.write(f"TROUPE_CHAOS_SEED={SEED}\n")
    draw = random.Random(SEED)
    for _ in range(LOOPS):
        point = draw.choice(NAMES)
        await rig.start(f"{point}:kill:{draw.randint(1, 4)}")
        for _ in range(draw.randint(3, 8)):
            speakers = draw.sample(CHARACTERS, draw.choice([1, 1, 2]))
            rig.talk.say(draw.randrange(len(rig.channels)), *speakers)
            await asyncio.sleep(draw.uniform(0.0, 0.2))
        await asyncio.sleep(draw.uniform(0.0, 2.0))
        if rig.stage.is_alive:
            await rig.stage.kill()
        await rig.recovered()
        await rig.stage.kill()
    resumed_s = statistics.median(rig.resumed_s or [0.0])
    sys.stdout.write(f"restart to first further change: p50 {resumed_s:.2f} s\n")
    assert await rig.complaints() == []
    assert resumed_s <= RESUMED_S


async def test_many_turns_in_flight_all_end_in_their_own_messages(database_dsn: str) -> None:
    async with Rig("none", channels=IN_FLIGHT, dsn=database_dsn) as rig:
        await rig.start()
        for channel in range(IN_FLIGHT):
            rig.talk.say(channel, HUSH)
        await asyncio.sleep(1.5)
        await rig.stage.kill()
        await rig.recovered()
        assert await rig.complaints() == []


@pytest.mark.parametrize("point", ["after_plan", "at_token", "mid_edit", "after_final"])
async def test_a_burst_is_answered_to_its_last_message(rig: Rig, point: str) -> None:
    await rig.start(f"{point}:kill:2")
    for _ in range(7):
        rig.talk.say(0, HUSH)
        await asyncio.sleep(0.2)
    await rig.stage.died()
    await rig.recovered()
    assert await rig.complaints() == []


async def test_an_orderly_stop_leaves_nothing_behind(rig: Rig) -> None:
    await rig.start()
    rig.talk.say(0, HUSH)
    rig.talk.say(0, HUSH, ZUZU, SPROCKET)
    rig.talk.say(1, ZUZU)
    await asyncio.sleep(0.5)
    code = await rig.stage.terminate()
    await rig.recovered()
    assert code == 0


@pytest.mark.timeout(120)
async def test_a_stop_in_the_middle_of_long_answers_leaves_them_to_the_next_start(rig: Rig) -> None:
    rig.script = lambda body: replace(reply_to(body), rate=3.0)
    await rig.start()
    rig.talk.say(1, ZUZU)
    rig.talk.say(1, HUSH)
    await asyncio.sleep(1.5)
    code = await rig.stage.terminate()
    rig.script = reply_to
    await rig.recovered()
    assert code == 0
    assert await rig.complaints() == []
