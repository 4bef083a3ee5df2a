"""What every test may use: one Postgres per session, a database of its own, the stores over it."""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from config.settings import Settings
from storage.database import Database
from storage.embedded import EmbeddedPostgres
from storage.migrate import migrate
from storage.stores import Stores
from tests.blocking import no_blocking

KINDS = {"unit", "service", "discord", "browser", "chaos", "bench"}
TEMPLATE = "migrated"
_numbers = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test module that does not say exactly one kind."""
    for path, module in {item.path: item.getparent(pytest.Module) for item in items}.items():
        marks = module.own_markers if module else []
        kinds = sorted({mark.name for mark in marks} & KINDS)
        if len(kinds) != 1:
            raise pytest.UsageError(
                f"{path} needs exactly one `pytestmark` of {sorted(KINDS)}, not {kinds or 'none'}"
            )


@pytest.fixture(autouse=True)
def blocking_guard() -> Iterator[list[str]]:
    """Fail a test in which a call of ours would block the loop, also when ours bears the failure."""
    with no_blocking() as caught:
        yield caught
    assert caught == []


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Connection string of a Postgres server of this test session; its writes may be lost in a crash."""
    with open_folder() as folder:
        server = EmbeddedPostgres(folder / "server")
        dsn = asyncio.run(server.start())
        try:
            asyncio.run(_prepare(dsn))
            yield dsn
        finally:
            asyncio.run(server.stop())


async def _prepare(dsn: str) -> None:
    await _run(dsn, "alter system set fsync = off")
    await _run(dsn, "select pg_reload_conf()")
    await _run(dsn, f"create database {TEMPLATE}")
    database = await Database.open(Settings(database_url=in_database(dsn, TEMPLATE)))
    await migrate(database)
    await database.close()


def in_database(dsn: str, name: str) -> str:
    """Return the connection string of another database of the same server."""
    return dsn.replace("@/postgres?", f"@/{name}?")


async def _run(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(sql)
    await connection.close()


@pytest.fixture
async def database_dsn(postgres: str) -> AsyncIterator[str]:
    """Connection string of a fresh migrated database, dropped afterwards."""
    name = f"test_{next(_numbers)}"
    await _run(postgres, f"create database {name} template {TEMPLATE}")
    yield in_database(postgres, name)
    await _run(postgres, f"drop database {name} with (force)")


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """An open fresh database with every migration applied."""
    opened = await Database.open(Settings(database_url=database_dsn))
    yield opened
    await opened.close()


@pytest.fixture
def stores(database: Database) -> Stores:
    """All stores over a fresh database."""
    return Stores(database)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder for servers, which run as another account when root runs the tests."""
    with open_folder() as folder:
        yield folder


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that any account may enter; pytest closes its own to others."""
    with tempfile.TemporaryDirectory(prefix="troupe-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
