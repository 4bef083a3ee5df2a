"""A Ray that somebody else has started: workers join over TLS, and our code comes to its nodes by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import psutil
import pytest

from actors.workers.driver import sweep
from actors.workers.errors import WorkerLostError
from actors.workers.service import LlmService
from config.settings import Settings
from tests.actors.workers.ray_cluster import Cluster, open_cluster, sessions
from tests.actors.workers.rig import request_to, running, text_of, until
from tests.scripted_model import Reply, ScriptedModel, words

pytestmark = pytest.mark.service


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with open_cluster() as made:
        yield made


async def test_workers_of_a_cluster_answer_and_leave_with_the_stage(cluster: Cluster) -> None:
    service = LlmService(Settings(worker_host="ray", ray_address=cluster.address))
    await service.start()
    try:
        async with ScriptedModel(Reply(text=words(200))) as server:
            await until(lambda: len(service.status().workers) == 2, 45.0)
            said = await text_of(service.stream(request_to(server)))
        workers = [psutil.Process(state.pid) for state in service.status().workers]
    finally:
        await service.stop()

    await until(lambda: running(workers) == [])
    assert said == "".join(words(200))


async def heard(service: LlmService, server: ScriptedModel, name: str) -> str:
    """Read a stream to its end; one that is lost in the middle is asked for anew, as a turn does."""
    while True:
        with suppress(WorkerLostError):
            return await text_of(service.stream(request_to(server, name)))


@pytest.mark.timeout(120)
async def test_a_node_that_dies_costs_no_stream_its_end_and_is_made_up_for(
    cluster: Cluster,
) -> None:
    second = await cluster.join()
    service = LlmService(Settings(worker_host="ray", ray_address=cluster.address, llm_workers="4"))
    await service.start()
    try:
        await until(lambda: len(service.status().workers) == 4, 60.0)
        nodes = sessions(service)
        async with ScriptedModel(Reply(text=words(120), rate=40.0)) as server:
            streams = [asyncio.create_task(heard(service, server, f"s{number}")) for number in range(16)]
            await asyncio.sleep(1.0)
            await asyncio.to_thread(sweep, second)
            said = await asyncio.gather(*streams)
        await until(lambda: len(service.status().workers) == 4, 60.0)
        left = sessions(service)
    finally:
        await service.stop()
    assert (len(nodes), left) == (2, nodes - {second})
    assert said == ["".join(words(120))] * 16


@pytest.mark.timeout(150)
async def test_a_head_that_dies_under_load_is_noticed_and_costs_no_stream_its_end(cluster: Cluster) -> None:
    service = LlmService(Settings(worker_host="ray", ray_address=cluster.address))
    await service.start()
    try:
        await until(lambda: len(service.status().workers) == 2, 45.0)
        async with ScriptedModel(Reply(text=words(120), rate=40.0)) as server:
            streams = [asyncio.create_task(heard(service, server, f"s{number}")) for number in range(8)]
            await asyncio.sleep(1.0)
            cluster.gcs.kill()
            said = await asyncio.gather(*streams, heard(service, server, "later"))
            await until(lambda: service.status().host_restarts > 0, 30.0)
            said.append(await heard(service, server, "without a host"))
        await cluster.stop()
        await cluster.start()
        await until(lambda: len(service.status().workers) == 2, 60.0)
    finally:
        await service.stop()
    assert said == ["".join(words(120))] * 10
