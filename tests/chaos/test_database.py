"""Postgres is killed under a running stage and comes back."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from storage.embedded import EmbeddedPostgres
from tests.chaos.rig import HUSH, SPROCKET, ZUZU, Chaos

pytestmark = pytest.mark.chaos


class Server:
    """A Postgres of this test's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = EmbeddedPostgres(folder)

    async def start(self) -> str:
        return await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    def kill(self) -> None:
        """Kill the server and all its processes without any notice."""
        pid = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        server = psutil.Process(pid)
        for process in [server, *server.children(recursive=True)]:
            process.send_signal(signal.SIGKILL)


@pytest.fixture
async def server(elsewhere: Path) -> AsyncIterator[Server]:
    made = Server(elsewhere / "server")
    yield made
    await made.stop()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("away_s", [0.0, 5.0])
async def test_a_database_that_dies_loses_and_doubles_nothing(server: Server, away_s: float) -> None:
    async with Chaos(await server.start()) as chaos:
        await chaos.start()
        for _ in range(2):
            chaos.say(0, HUSH, ZUZU)
            chaos.say(1, SPROCKET)
            await asyncio.sleep(0.8)
        server.kill()
        chaos.say(2, HUSH)
        await asyncio.sleep(away_s)
        chaos.say(0, SPROCKET)
        await server.start()
        chaos.say(3, ZUZU)
        await chaos.settled()
        assert chaos.is_alive
        assert await chaos.complaints() == []
