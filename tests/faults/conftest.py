"""A bot that lives as long as a test module, and bots of one test's own."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
import pytest_asyncio

from tests.conftest import TEMPLATE, in_database
from tests.faults.house import House

_numbers = itertools.count()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(postgres: str) -> AsyncIterator[House]:
    """A running bot that the tests of a module share; each makes its own scene."""
    async with _fresh_database(postgres) as dsn, House(dsn) as made:
        await made.start()
        yield made


@pytest.fixture
async def own_house(database_dsn: str) -> AsyncIterator[House]:
    """A house for one test, whose bot is not yet started."""
    async with House(database_dsn) as made:
        yield made


@asynccontextmanager
async def _fresh_database(postgres: str) -> AsyncIterator[str]:
    name = f"faults_{next(_numbers)}"
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"create database {name} template {TEMPLATE}")
    try:
        yield in_database(postgres, name)
    finally:
        await connection.execute(f"drop database {name} with (force)")
        await connection.close()
