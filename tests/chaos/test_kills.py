"""The stage is killed everywhere and again; `TROUPE_CHAOS_LOOPS` and `TROUPE_CHAOS_SEED` say how often."""

import asyncio
import os
import random
import secrets
import statistics
import sys

import pytest
from msgspec.structs import replace

from config.trigger_points import NAMES
from tests.chaos.rig import HUSH, SPROCKET, ZUZU, Chaos, answer

pytestmark = pytest.mark.chaos

LOOPS = int(os.environ.get("TROUPE_CHAOS_LOOPS", "10"))
SEED = int(os.environ.get("TROUPE_CHAOS_SEED") or secrets.randbelow(2**32))
IN_FLIGHT = 50
RESUMED_S = 10.0


@pytest.mark.parametrize("point", NAMES)
async def test_a_kill_at_this_point_loses_and_doubles_nothing(chaos: Chaos, point: str) -> None:
    await chaos.start(f"{point}:kill")
    chaos.say(0, HUSH)
    chaos.say(0, HUSH, ZUZU, SPROCKET)
    chaos.say(1, ZUZU)
    chaos.say(2, SPROCKET)
    await chaos.died()
    await chaos.restart()
    await chaos.settled()
    assert await chaos.complaints() == []


@pytest.mark.timeout(60 + 45 * LOOPS)
async def test_kill_after_kill_loses_and_doubles_nothing(chaos: Chaos) -> None:
    sys.stdout.write(f"TROUPE_CHAOS_SEED={SEED}\n")
    draw = random.Random(SEED)
    for _ in range(LOOPS):
        point = draw.choice(NAMES)
        await chaos.start(f"{point}:kill:{draw.randint(1, 4)}")
        for _ in range(draw.randint(3, 8)):
            speakers = draw.sample([HUSH, ZUZU, SPROCKET], draw.choice([1, 1, 2]))
            chaos.say(draw.randrange(len(chaos.channels)), *speakers)
            await asyncio.sleep(draw.uniform(0.0, 0.2))
        await asyncio.sleep(draw.uniform(0.0, 2.0))
        if chaos.is_alive:
            await chaos.kill()
        await chaos.restart()
        await chaos.settled()
        await chaos.kill()
    resumed_s = statistics.median(chaos.resumed_s or [0.0])
    sys.stdout.write(f"restart to first further change: p50 {resumed_s:.2f} s\n")
    assert await chaos.complaints() == []
    assert resumed_s <= RESUMED_S


async def test_many_turns_in_flight_all_end_in_their_own_messages(database_dsn: str) -> None:
    async with Chaos(database_dsn, channels=IN_FLIGHT) as chaos:
        await chaos.start()
        for channel in range(IN_FLIGHT):
            chaos.say(channel, HUSH)
        await asyncio.sleep(1.5)
        await chaos.kill()
        await chaos.restart()
        await chaos.settled()
        assert await chaos.complaints() == []


@pytest.mark.parametrize("point", ["after_plan", "at_token", "mid_edit", "after_final"])
async def test_a_burst_is_answered_to_its_last_message(chaos: Chaos, point: str) -> None:
    await chaos.start(f"{point}:kill:2")
    for _ in range(7):
        chaos.say(0, HUSH)
        await asyncio.sleep(0.2)
    await chaos.died()
    await chaos.restart()
    await chaos.settled()
    assert await chaos.complaints() == []


async def test_an_orderly_stop_leaves_nothing_behind(chaos: Chaos) -> None:
    await chaos.start()
    chaos.say(0, HUSH)
    chaos.say(0, HUSH, ZUZU, SPROCKET)
    chaos.say(1, ZUZU)
    await asyncio.sleep(0.5)
    code = await chaos.terminate()
    await chaos.restart()
    await chaos.settled()
    assert code == 0


@pytest.mark.timeout(120)
async def test_a_stop_in_the_middle_of_long_answers_leaves_them_to_the_next_start(chaos: Chaos) -> None:
    chaos.model.script = lambda body: replace(answer(body), rate=3.0)
    await chaos.start()
    chaos.say(1, ZUZU)
    chaos.say(1, HUSH)
    await asyncio.sleep(1.5)
    code = await chaos.terminate()
    chaos.model.script = answer
    await chaos.restart()
    await chaos.settled()
    assert code == 0
    assert await chaos.complaints() == []
