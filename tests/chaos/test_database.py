"""Postgres is killed, out of reach or locked under a running stage, for up to a minute, and comes back."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from storage.embedded import EmbeddedPostgres
from tests.chaos.rig import HUSH, SPROCKET, ZUZU, Chaos
from tests.faults.house import House, Scene
from tests.faults.wire import Mode, wire_to

pytestmark = pytest.mark.chaos

AWAY_S = 60.0
RECOVERED_S = 45.0
"""Postgres is known to be dead after 35 s without an answer; the rest is for the answers."""


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
