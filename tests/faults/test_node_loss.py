"""A node of a Ray cluster dies while characters speak from it."""

import asyncio
import os
from collections.abc import AsyncIterator

import msgspec
import pytest

from actors.workers.driver import sweep
from actors.workers.service import LlmService
from sandbox.limits import NO_LIMITS
from tests.actors.workers.ray_cluster import Cluster, open_cluster
from tests.actors.workers.rig import until
from tests.faults.house import House, answer

pytestmark = pytest.mark.chaos

WORKERS = 4


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with open_cluster() as made:
        yield made


def streams_of(service: LlmService, node: int) -> int:
    """Count the streams of a node's workers, whose processes are a session of their own."""
    return sum(state.streams for state in service.status().workers if os.getsid(state.pid) == node)


@pytest.mark.timeout(150)
async def test_a_node_that_dies_under_load_costs_no_turn_its_answer(
    cluster: Cluster, own_house: House
) -> None:
    second = await cluster.join()
    own_house.sandbox.limiter.limits = NO_LIMITS
    own_house.model.script = lambda body: answer(body, stream_s=4.0)
    settings = msgspec.structs.replace(
        own_house.settings, worker_host="ray", ray_address=cluster.address, llm_workers=str(WORKERS)
    )
    service = (await own_house.start(settings)).parts.service
    await until(lambda: len(service.status().workers) == WORKERS, 60.0)
    scene = own_house.scene(8)

    scene.speak()
    await scene.visible(8)
    at_stake = streams_of(service, second)
    await asyncio.to_thread(sweep, second)

    await scene.settled(60.0)
    assert at_stake > 0
    assert await scene.outcomes() == [("done", None)] * 16
