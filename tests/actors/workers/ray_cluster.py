"""A Ray cluster on this machine, as somebody else would have started it."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from actors.workers.driver import sweep
from actors.workers.service import LlmService
from tests.actors.workers.rig import until

WAIT_FOR_NODES = """
import sys, time, ray
ray.init(sys.argv[1], log_to_driver=False, configure_logging=False)
while sum(node["Alive"] for node in ray.nodes()) < int(sys.argv[2]):
    time.sleep(0.1)
"""
JOIN_S = 45.0


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
        """Let one more node join, and wait until the head knows it; returns the session of its processes."""
        session = await self._start_node(f"--address={self.address}")
        look = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WAIT_FOR_NODES, self.address, str(len(self._nodes))),
            env=self._environment,
        )
        async with asyncio.timeout(JOIN_S):
            assert await look.wait() == 0
        return session

    @property
    def _environment(self) -> dict[str, str]:
        rest = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return rest | {"RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": self._folder}

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
        node = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).parent / "ray"), "start", "--block", *options),
            *("--node-ip-address=127.0.0.1", "--num-cpus=2"),
            *("--object-store-memory=80000000", "--disable-usage-stats"),
            env=self._environment,
            cwd=self._folder,
            start_new_session=True,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._nodes.append(node)
        assert node.stdout is not None
        async with asyncio.timeout(JOIN_S):
            while b"Ray runtime started" not in (line := await node.stdout.readline()):
                assert line, "ray start has failed"
        return node.pid


@asynccontextmanager
async def open_cluster() -> AsyncIterator[Cluster]:
    """Start a cluster of one node, and end it with all that have joined."""
    made = Cluster()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def sessions(service: LlmService) -> set[int]:
    """Return on which nodes workers live: each node's processes are a session of their own."""
    return {os.getsid(state.pid) for state in service.status().workers}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
