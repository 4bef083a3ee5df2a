"""Postgres in trouble under a running bot: people wait a little, and nothing is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
import pytest

from sandbox.limits import NO_LIMITS
from tests.faults.house import House, Scene
from tests.faults.wire import Mode, Wire, wire_to

pytestmark = pytest.mark.discord

Trouble = Callable[[], AbstractAsyncContextManager[None]]
AWAY_S = 2.4
BACK_S = 8.0


class Troubled:
    """A running bot whose words to Postgres go over a wire."""

    def __init__(self, house: House, wire: Wire) -> None:
        self.house, self.wire = house, wire


@pytest.fixture
async def troubled(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Troubled]:
    """A bot that waits less long for an answer from Postgres."""
    monkeypatch.setattr("storage.database.COMMAND_S", 1.5)
    monkeypatch.setattr("storage.database.CONNECT_S", 1.0)
    async with wire_to(database_dsn) as (wire, dsn), House(database_dsn, NO_LIMITS, bot_dsn=dsn) as house:
        await house.start()
        yield Troubled(house, wire)
        wire.turn("open")


async def speak_through(
    house: House, trouble: Callable[[], AbstractAsyncContextManager[None]]
) -> list[Scene]:
    """Let people speak in channels of their own before, at the beginning and in the middle of trouble."""
    before, begun, middle = house.scene(), house.scene(), house.scene()
    before.speak()
    await before.visible()
    async with trouble():
        begun.speak()
        await asyncio.sleep(AWAY_S / 2)
        middle.speak()
        await asyncio.sleep(AWAY_S / 2)
    return [before, begun, middle]


@pytest.mark.parametrize("mode", ["cut", "full", "clogged", "lost", "slow"])
async def test_a_database_that_is_out_of_reach_for_a_while_loses_and_doubles_nothing(
    troubled: Troubled, mode: Mode
) -> None:
    @asynccontextmanager
    async def trouble() -> AsyncIterator[None]:
        troubled.wire.turn(mode)
        yield
        troubled.wire.turn("open")

    scenes = await speak_through(troubled.house, trouble)

    await asyncio.gather(*(scene.settled(BACK_S) for scene in scenes))


@pytest.mark.parametrize("table", ["messages", "turns", "deliveries"])
async def test_a_table_that_is_locked_for_a_while_loses_and_doubles_nothing(
    troubled: Troubled, database_dsn: str, table: str
) -> None:
    @asynccontextmanager
    async def trouble() -> AsyncIterator[None]:
        connection = await asyncpg.connect(database_dsn)
        async with connection.transaction():
            await connection.execute(f"lock table {table} in access exclusive mode")
            yield
        await connection.close()

    scenes = await speak_through(troubled.house, trouble)

    await asyncio.gather(*(scene.settled(BACK_S) for scene in scenes))
