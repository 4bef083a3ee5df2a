"""A Ray that somebody else has started: workers join over TLS, and our code comes to its nodes by itself."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from actors.workers.driver import sweep
from actors.workers.service import LlmService
from config.settings import Settings
from tests.actors.workers.rig import request_to, running, text_of, until
from tests.scripted_model import Reply, ScriptedModel, words

pytestmark = pytest.mark.service


@pytest.fixture
async def cluster() -> AsyncIterator[str]:
    """The address of a Ray head that knows nothing of our checkout: neither folder nor path lead to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="ray-")  # short: Ray makes Unix sockets in it
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    head = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "ray"), "start", "--head", "--block"),
        *("--node-ip-address=127.0.0.1", f"--port={port}", "--include-dashboard=false", "--num-cpus=2"),
        *("--object-store-memory=80000000", "--disable-usage-stats"),
        env=environment | {"RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": folder},
        cwd=folder,
        start_new_session=True,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await until(lambda: _listens(port))
    yield f"127.0.0.1:{port}"
    head.send_signal(signal.SIGTERM)
    await head.wait()
    await asyncio.to_thread(sweep, head.pid)
    shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_workers_of_a_cluster_answer_and_leave_with_the_stage(cluster: str) -> None:
    service = LlmService(Settings(worker_host="ray", ray_address=cluster))
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
