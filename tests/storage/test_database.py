import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from config.settings import Settings
from storage import database as database_module
from storage.claims import Claim
from storage.database import Database
from storage.embedded.processes import postmaster_of, processes_of
from storage.errors import (
    DatabaseClaimedError,
    StorageError,
    StorageUnavailableError,
    VectorMissingError,
    storage_errors,
)
from storage.queries import Query, query
from storage.stores import Stores

pytestmark = pytest.mark.service


def sql(text: str) -> Query:
    return Query("test", text)


@pytest.fixture
async def embedded(elsewhere: Path) -> AsyncIterator[Database]:
    opened = await Database.open(Settings(data_dir=str(elsewhere)))
    yield opened
    await opened.close()


def kill_postmaster_below(folder: Path) -> None:
    postmaster = postmaster_of(folder / "postgres" / "data")
    assert postmaster
    postmaster.kill()


async def until_it_answers(database: Database, seconds: float) -> None:
    began = time.monotonic()
    while not await database.ping():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.02)


async def test_the_embedded_server_brings_vectors(embedded: Database) -> None:
    assert await embedded.fetch_value(sql("select $1::vector"), [1, 2.5, -3]) == [1.0, 2.5, -3.0]


async def test_while_postgres_is_away_a_query_fails_as_retryable(embedded: Database, elsewhere: Path) -> None:
    assert await embedded.ping()
    kill_postmaster_below(elsewhere)
    with pytest.raises(StorageUnavailableError) as failure:
        await ask_until_it_fails(embedded)
    assert failure.value.retryable


async def ask_until_it_fails(database: Database) -> None:
    for _ in range(1000):
        await database.fetch(query("ping"))


async def test_who_looks_sees_whether_it_answered(embedded: Database, elsewhere: Path) -> None:
    assert embedded.answers
    kill_postmaster_below(elsewhere)
    with pytest.raises(StorageUnavailableError):
        await ask_until_it_fails(embedded)
    await embedded.ping()
    assert not embedded.answers


async def test_closing_stops_the_embedded_server_and_again_is_harmless(elsewhere: Path) -> None:
    opened = await Database.open(Settings(data_dir=str(elsewhere)))
    await opened.close()
    await opened.close()
    assert processes_of(elsewhere / "postgres" / "data") == []
    assert not await opened.ping()


async def test_an_embedded_server_that_refuses_us_is_stopped(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(database_module.SERVER_SETTINGS, "no_such_setting", "1")
    with pytest.raises(StorageError, match="no_such_setting"):
        await Database.open(Settings(data_dir=str(elsewhere)))
    assert processes_of(elsewhere / "postgres" / "data") == []


async def test_an_embedded_server_of_no_use_is_stopped(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "VECTOR_SCHEMA", sql("select 1 / 0"))
    with pytest.raises(VectorMissingError):
        await Database.open(Settings(data_dir=str(elsewhere)))
    assert processes_of(elsewhere / "postgres" / "data") == []


@asynccontextmanager
async def over_tcp(dsn: str) -> AsyncIterator[str]:
    """Serve the database of a socket at an internet address."""
    folder = parse_qs(urlsplit(dsn).query)["host"][0]

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
        await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield f"postgresql://troupe:secret@127.0.0.1:{port}{urlsplit(dsn).path}"
    server.close()
    await server.wait_closed()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def test_a_server_at_an_internet_address_serves_as_well(database_dsn: str) -> None:
    async with over_tcp(database_dsn) as dsn:
        remote = await Database.open(Settings(database_url=dsn))
        stores = Stores(remote)
        await stores.settings.set("global", "answer", 42)
        assert await stores.settings.get("global", "answer", int) == 42
        await remote.close()


async def test_an_unreachable_server_is_named_without_the_password(unused_tcp_port: int) -> None:
    dsn = f"postgresql://bob:hunter2@127.0.0.1:{unused_tcp_port}/troupe"
    with pytest.raises(StorageUnavailableError, match=f"127.0.0.1:{unused_tcp_port}/troupe") as failure:
        await Database.open(Settings(database_url=dsn))
    assert "hunter2" not in str(failure.value)


async def test_a_missing_database_is_told_with_the_way_out(postgres: str) -> None:
    dsn = postgres.replace("/postgres?", "/nowhere?")
    with pytest.raises(StorageError, match=r'"nowhere" does not exist.*Mend DATABASE_URL') as failure:
        await Database.open(Settings(database_url=dsn))
    assert not failure.value.retryable


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/x", "postgresql://localhost:port/x"])
async def test_a_url_that_is_none_is_told(url: str) -> None:
    with pytest.raises(StorageError, match="must look like postgresql://"):
        await Database.open(Settings(database_url=url))


async def test_time_limits_are_set_on_every_connection(database: Database) -> None:
    limits = [
        await database.fetch_value(sql(f"show {name}"))
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    ]
    assert limits == ["30s", "10s", "1min"]


async def test_a_query_over_its_time_is_retryable(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("set statement_timeout = 10")
        with pytest.raises(StorageUnavailableError, match="QueryCanceledError"), storage_errors("sleep"):
            await connection.execute("select pg_sleep(5)")


@pytest.mark.parametrize(
    ("setting", "work"),
    [
        ("lock_timeout", "lock table settings in access exclusive mode"),
        ("idle_in_transaction_session_timeout", "select 1"),
    ],
)
async def test_who_waits_for_a_lock_or_sleeps_on_one_is_sent_away(
    database: Database, database_dsn: str, setting: str, work: str
) -> None:
    holder = await asyncpg.connect(database_dsn)
    await holder.execute("begin; lock table settings in access exclusive mode")
    async with database.connection() as connection:
        await connection.execute(f"set {setting} = 50; begin")
        await asyncio.sleep(0.2)
        with pytest.raises(StorageUnavailableError), storage_errors("work"):
            await connection.execute(work)
    await holder.close()


async def test_when_no_connection_is_free_the_caller_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as held:
        for _ in range(database_module.CONNECTIONS):
            await held.enter_async_context(database.connection())
        monkeypatch.setattr(database_module, "ACQUIRE_S", 0.05)
        answers = await database.ping()

    assert not answers


async def test_connections_lost_with_the_server_come_back(database: Database, database_dsn: str) -> None:
    other = await asyncpg.connect(database_dsn)
    for _ in range(3):
        await database.ping()
        await other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        await until_it_answers(database, 5)
    await other.close()


async def test_an_open_transaction_does_not_outlive_its_loan(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("begin")
        await connection.execute("create table never ()")
    assert await database.fetch_value(sql("select to_regclass('never')")) is None


async def test_a_value_of_the_wrong_kind_is_not_retryable(database: Database) -> None:
    with pytest.raises(StorageError, match="a value does not fit") as failure:
        await database.fetch_value(sql("select $1::bigint"), 2**70)
    assert not failure.value.retryable


async def test_an_error_of_a_query_names_the_query_and_no_values(database: Database) -> None:
    with pytest.raises(StorageError, match=r"^test: InvalidTextRepresentationError$|does not fit") as failure:
        await database.fetch_value(sql("select $1::text::bigint"), "a secret")
    assert "a secret" not in str(failure.value)
    with pytest.raises(StorageError, match=r"^test: UndefinedTableError$"):
        await database.fetch(sql("select * from nowhere"))


async def test_only_one_may_claim_a_name(database: Database, database_dsn: str) -> None:
    second = await Database.open(Settings(database_url=database_dsn))
    claim = await database.claim("stage")
    with pytest.raises(DatabaseClaimedError, match=f"pid {os.getpid()}"):
        await second.claim("stage")
    await (await second.claim("another")).release()
    await claim.release()
    await claim.release()
    assert not claim.is_held
    await (await second.claim("stage")).release()
    await second.close()


async def test_a_claim_ends_with_its_connection(database: Database) -> None:
    claim = await database.claim("stage")
    await database.fetch(
        sql("select pg_terminate_backend(pid) from pg_stat_activity where pid = $1"),
        claim._connection.get_server_pid(),
    )
    await asyncio.wait_for(claim.ended(), 5)
    await (await database.claim("stage")).release()


async def test_claiming_on_a_dead_connection_is_retryable(database: Database, database_dsn: str) -> None:
    connection: Any = await asyncpg.connect(database_dsn)
    end = sql("select pg_terminate_backend(pid) from pg_stat_activity where pid = $1")
    await database.fetch(end, connection.get_server_pid())
    with pytest.raises(StorageUnavailableError):
        await Claim.take("stage", connection)


async def test_vectors_can_be_asked_for_and_are_usable_at_once(database: Database) -> None:
    await database.require_vector()
    await database.require_vector()
    assert await database.fetch_value(sql("select $1::vector"), [0.5, 2.0]) == [0.5, 2.0]


async def test_a_server_without_vectors_is_told_with_the_way_out(
    database: Database, database_dsn: str
) -> None:
    await database.fetch(sql("create role poor_" + str(os.getpid()) + " login"))
    poor = await Database.open(
        Settings(database_url=database_dsn.replace("//troupe@", f"//poor_{os.getpid()}@"))
    )
    with pytest.raises(VectorMissingError, match="CREATE EXTENSION vector as a superuser"):
        await poor.require_vector()
    await poor.close()
    await database.fetch(sql(f"drop role poor_{os.getpid()}"))


async def test_closing_does_not_wait_for_ever_for_a_connection_that_is_out(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "CLOSE_S", 0.1)
    opened = await Database.open(Settings(database_url=database_dsn))
    async with opened.connection():
        await asyncio.wait_for(opened.close(), 5)
    assert not await opened.ping()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", "ä 😀"),
        ("text", "a\0b"),
        ("text[]", ["a", "b"]),
        ("jsonb", {"a": [1, None, "x\0y", {"b": 0.5}]}),
        ("jsonb", []),
        ("bytea", b"\0\xff"),
    ],
)
async def test_postgres_takes_and_gives_back(kind: str, value: object, database: Database) -> None:
    back = await database.fetch_value(Query("echo", f"select $1::{kind}"), value)
    assert repr(back) == repr(value).replace("\\x00", "") if kind != "bytea" else back == value


async def test_json_that_has_no_encoding_is_a_clear_error(database: Database) -> None:
    with pytest.raises(StorageError, match="does not fit"):
        await database.fetch_value(Query("echo", "select $1::jsonb"), {"a": "\ud800"})
