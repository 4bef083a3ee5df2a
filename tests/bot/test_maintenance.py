import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from bot.cli import main
from tests.conftest import in_database

pytestmark = pytest.mark.service


async def run(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(sql)
    await connection.close()


@pytest.fixture
def empty_database(postgres: str) -> Iterator[str]:
    asyncio.run(run(postgres, "create database unmigrated"))
    yield in_database(postgres, "unmigrated")
    asyncio.run(run(postgres, "drop database unmigrated with (force)"))


@pytest.mark.usefixtures("logs_as_before")
def test_an_empty_database_is_brought_to_this_version_once(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database)

    codes = [main(["migrate"]), main(["migrate"])]

    lines = capsys.readouterr().out.splitlines()
    assert codes == [0, 0]
    assert any(line.startswith("0001") for line in lines)
    assert lines[-1] == "Nothing to do."
