import asyncio

import pytest

from bot.lanes import Lanes

pytestmark = pytest.mark.unit


async def test_jobs_of_a_channel_run_in_order() -> None:
    lanes, done = Lanes(), list[int]()

    async def job(number: int) -> None:
        for _ in range(3 - number):
            await asyncio.sleep(0)
        done.append(number)

    for number in range(3):
        lanes.put(1, lambda number=number: job(number))
    await lanes.idle()

    assert done == [0, 1, 2]


async def test_a_stuck_channel_delays_no_other() -> None:
    lanes, release, done = Lanes(), asyncio.Event(), asyncio.Event()

    async def finish() -> None:
        done.set()

    lanes.put(1, release.wait)  # type: ignore[arg-type] # the result is ignored
    lanes.put(2, finish)
    await done.wait()

    assert not release.is_set()
    release.set()
    await lanes.idle()


async def test_a_failed_job_does_not_stop_its_channel() -> None:
    lanes, done = Lanes(), list[str]()

    async def fail() -> None:
        raise RuntimeError

    async def succeed() -> None:
        done.append("after")

    lanes.put(1, fail)
    lanes.put(1, succeed)
    await lanes.idle()

    assert done == ["after"]


async def test_a_full_lane_refuses_the_newest() -> None:
    lanes, release = Lanes(limit=1), asyncio.Event()

    accepted = [lanes.put(1, release.wait) for _ in range(2)]  # type: ignore[arg-type] # the result is ignored
    release.set()
    await lanes.idle()

    assert accepted == [True, False]
