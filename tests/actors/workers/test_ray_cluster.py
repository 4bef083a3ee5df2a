"""A Ray that somebody else has started: workers join over TLS, and our code comes to its nodes by itself."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from actors.workers.driver import sweep
from actors.workers.errors import WorkerLostError
from actors.workers.service import LlmService
from config.settings import Settings
from tests.actors.workers.rig import request_to, running, text_of, until
from tests.scripted_model import Reply, ScriptedModel, words

pytestmark = pytest.mark.service


class Cluster:
    """A Ray whose nodes know nothing of our checkout: neither folder nor path lead to it."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self._folder = ""
        self._nodes: list[asyncio.subprocess.Process] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start the head, also once more after `stop`, at the same address."""
        self._folder = tempfile.mkdtemp(prefix="ray-")  # short: Ray makes Unix sockets in it
        await self._start_node("--head", f"--port={self._port}", "--include-dashboard=false")
        await until(lambda: _listens(self._port))

    async def join(self) -> int:
        """Let one more node join, which workers may be placed on; returns the session of its processes."""
        return await self._start_node(f"--address={self.address}")

    @property
    def gcs(self) -> psutil.Process:
        """The process that knows the whole cluster."""
        (found,) = (
            one for one in psutil.Process(self._nodes[0].pid).children() if one.name() == "gcs_server"
        )
        return found

    async def stop(self) -> None:
        nodes, self._nodes = self._nodes, []
        for node in reversed(nodes):
            if node.returncode is None:
                node.send_signal(signal.SIGTERM)
            await node.wait()
            await asyncio.to_thread(sweep, node.pid)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _start_node(self, *options: str) -> int:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        node = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).parent / "ray"), "start", "--block", *options),
            *("--node-ip-address=127.0.0.1", "--num-cpus=2"),
            *("--object-store-memory=80000000", "--disable-usage-stats"),
            env=environment | {"RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": self._folder},
            cwd=self._folder,
            start_new_session=True,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._nodes.append(node)
        assert node.stdout is not None
        async with asyncio.timeout(45.0):
            while b"Ray runtime started" not in (line := await node.stdout.readline()):
                assert line, "ray start has failed"
        return node.pid


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    made = Cluster()
    await made.start()
    yield made
    await made.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


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


def sessions(service: LlmService) -> set[int]:
    """Return on which nodes workers live: each node's processes are a session of their own."""
    return {os.getsid(state.pid) for state in service.status().workers}


@pytest.mark.timeout(120)
async def test_a_node_that_dies_under_load_costs_no_stream_its_end(cluster: Cluster) -> None:
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
    finally:
        await service.stop()
    assert len(nodes) == 2
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
