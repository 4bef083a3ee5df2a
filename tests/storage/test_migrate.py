import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from config.settings import Settings
from storage.database import Database
from storage.errors import MigrationError
from storage.migrate import Migration, load_migrations, migrate
from storage.queries import Query

pytestmark = pytest.mark.service

STEPS = load_migrations()
FILLED = Path(__file__).parent / "filled"
"""One file per migration: rows for the tables that it made or changed."""


def sql(text: str) -> Query:
    return Query("test", text)


@pytest.fixture
async def empty(database: Database) -> Database:
    """A database without any table of ours."""
    await database.fetch(sql("drop schema public cascade"))
    await database.fetch(sql("create schema public"))
    return database


@pytest.fixture
async def second(database_dsn: str) -> AsyncIterator[Database]:
    opened = await Database.open(Settings(database_url=database_dsn))
    yield opened
    await opened.close()


async def test_everything_is_applied_once_and_in_order(empty: Database) -> None:
    assert await migrate(empty) == [step.name for step in STEPS]
    assert await migrate(empty) == []


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
async def test_each_migration_keeps_the_rows_that_are_there(step: Migration, empty: Database) -> None:
    for before in STEPS[: step.version - 1]:
        await migrate(empty, STEPS[: before.version])
        await fill(empty, before)
    rows = await count(empty)
    await migrate(empty, STEPS[: step.version])
    kept = await count(empty)
    await fill(empty, step)
    assert all(kept[table] >= number for table, number in rows.items())
    assert sum((await count(empty)).values()) > sum(rows.values())


async def fill(database: Database, step: Migration) -> None:
    async with database.connection() as connection:
        await connection.execute((FILLED / f"{step.name}.sql").read_text())


async def count(database: Database) -> dict[str, int]:
    """Count the rows of every table of ours."""
    tables = await database.fetch(
        sql("select tablename::text as name from pg_tables where schemaname = 'public'")
    )
    names = {row["name"] for row in tables} - {"schema_migrations"}
    every = sql("select count(*) from ")
    return {name: await database.fetch_value(sql(every.sql + name)) for name in names}


async def test_processes_that_start_together_migrate_once(empty: Database, second: Database) -> None:
    done = await asyncio.gather(migrate(empty), migrate(second))
    assert sorted(map(len, done)) == [0, len(STEPS)]


async def test_a_failing_step_changes_nothing(empty: Database) -> None:
    broken = Migration(len(STEPS) + 1, "broken", "create table half (); select 1/0")
    with pytest.raises(MigrationError, match="division by zero"):
        await migrate(empty, [*STEPS, broken])
    assert await count(empty) == {}


async def test_a_changed_history_is_refused(database: Database) -> None:
    changed = [msgspec.structs.replace(STEPS[0], sql=STEPS[0].sql + "\n-- later thought"), *STEPS[1:]]
    with pytest.raises(MigrationError, match=f"{STEPS[0].name} was changed"):
        await migrate(database, changed)


async def test_a_newer_database_is_refused(database: Database) -> None:
    with pytest.raises(MigrationError, match=f"newer than this Troupe .migration {len(STEPS)}"):
        await migrate(database, STEPS[:-1])


def test_numbers_must_follow_each_other(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("select 1")
    (tmp_path / "0003_c.sql").write_text("select 1")
    with pytest.raises(MigrationError, match="without gaps"):
        load_migrations(tmp_path)


def test_every_migration_has_rows_to_be_tested_with() -> None:
    assert {step.name for step in STEPS} == {file.stem for file in FILLED.glob("*.sql")}
