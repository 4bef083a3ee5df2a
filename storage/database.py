"""The database: a pool of connections to the embedded server or to `DATABASE_URL`."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Self, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from config.settings import Settings
from storage.claims import Claim
from storage.codecs import set_codecs
from storage.embedded import EmbeddedPostgres
from storage.errors import StorageError, StorageUnavailableError, VectorMissingError, storage_errors
from storage.queries import Query, query

Row = asyncpg.Record
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Row]"

CONNECT_S = 10.0
ACQUIRE_S = 10.0
CLOSE_S = 5.0
COMMAND_S = 35.0
"""One more than the server's own limit, for a server that does not answer at all."""
CONNECTIONS = 16
SERVER_SETTINGS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "jit": "off",
}
PING, CREATE_VECTOR, VECTOR_SCHEMA = query("ping"), query("create_vector"), query("vector_schema")


class Database:
    """Runs named queries. Connections lost with the server come back by themselves when it is back.

    Attributes:
        answers: the server did so at the latest `ping`.
    """

    def __init__(self, dsn: str, pool: "asyncpg.Pool[Row]", server: EmbeddedPostgres | None) -> None:
        self.dsn = dsn
        self._pool = pool
        self._server = server
        self.answers = True

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Connect to `DATABASE_URL`, or to the embedded server, which is started unless it runs already.

        Nobody starts it again should it die: who needs that supervises one besides.

        Raises:
            EmbeddedServerError: the embedded server cannot run here.
            StorageUnavailableError: the server of `DATABASE_URL` cannot be reached.
            StorageError: it refuses us, for example for a wrong password.
        """
        if settings.database_url:
            return cls(settings.database_url, await _connect(settings.database_url), None)
        server = EmbeddedPostgres.of(settings)
        try:
            dsn = await server.start()
            database = cls(dsn, await _connect(dsn), server)
        except BaseException:
            await server.stop()
            raise
        try:
            await database.require_vector()
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Close all connections, and stop the embedded server if nobody else uses it; again is harmless."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()
        if self._server:
            await self._server.stop()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection, None]:
        """Lend a connection for the body; one that fails is not lent again.

        Raises:
            StorageUnavailableError: none came free, or the server is away.
        """
        with storage_errors("connect"):
            lent = await self._pool.acquire(timeout=ACQUIRE_S)
        try:
            yield lent
        except StorageUnavailableError as error:
            with contextlib.suppress(asyncpg.InterfaceError):  # the pool may have noticed before us
                lent.terminate()
            if isinstance(error.__cause__, OSError):  # a silent wire is silent for all of them
                await self._pool.expire_connections()
            raise
        finally:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._pool.release(lent, timeout=ACQUIRE_S)

    async def fetch(self, statement: Query, *args: object) -> list[Row]:
        """Run a query and return its rows."""
        async with self.connection() as connection:
            with storage_errors(statement.name):
                return await connection.fetch(statement.sql, *args)

    async def fetch_row(self, statement: Query, *args: object) -> Row | None:
        """Run a query and return its first row."""
        async with self.connection() as connection:
            with storage_errors(statement.name):
                return await connection.fetchrow(statement.sql, *args)

    async def fetch_value(self, statement: Query, *args: object) -> Any:
        """Run a query and return the first column of its first row, or None."""
        async with self.connection() as connection:
            with storage_errors(statement.name):
                return await connection.fetchval(statement.sql, *args)

    async def ping(self) -> bool:
        """True when the server answers."""
        try:
            self.answers = bool(await self.fetch_value(PING) == 1)
        except StorageError:
            self.answers = False
        return self.answers

    async def claim(self, name: str) -> Claim:
        """Make this process the only holder of `name` on this database, until released or disconnected.

        Raises:
            DatabaseClaimedError: another process holds it; the message says which.
        """
        with storage_errors("claim"):
            connection = await asyncpg.connect(self.dsn, **_arguments())
        return await Claim.take(name, connection)

    async def require_vector(self) -> None:
        """Make pgvector usable on this database.

        Raises:
            VectorMissingError: the server does not have it, or only a superuser may add it.
        """
        try:
            if await self.fetch_value(VECTOR_SCHEMA):
                return
            await self.fetch_value(CREATE_VECTOR)
        except StorageUnavailableError:
            raise
        except StorageError as error:
            raise VectorMissingError(
                "This Postgres has no pgvector. Install it on the server (Debian: postgresql-NN-pgvector) "
                "and run CREATE EXTENSION vector as a superuser, or unset DATABASE_URL: "
                "the built-in server has it."
            ) from error
        await self._pool.expire_connections()


async def _connect(dsn: str) -> "asyncpg.Pool[Row]":
    place = _place(dsn)
    try:
        with storage_errors("connect"):
            return await asyncpg.create_pool(
                dsn, min_size=1, max_size=CONNECTIONS, init=set_codecs, reset=_keep_session, **_arguments()
            )
    except StorageUnavailableError as error:
        raise StorageUnavailableError(
            f"Postgres at {place} cannot be reached ({error.__cause__}). Start it or mend DATABASE_URL; "
            "without DATABASE_URL Troupe brings its own."
        ) from error
    except StorageError as error:
        raise StorageError(
            f"Postgres at {place} refuses us ({error.__cause__}). Mend DATABASE_URL; "
            "without it Troupe brings its own."
        ) from error


def _arguments() -> dict[str, Any]:
    name = f"troupe {socket.gethostname()} pid {os.getpid()}"[:63]
    return {
        "timeout": CONNECT_S,
        "command_timeout": COMMAND_S,
        "server_settings": {**SERVER_SETTINGS, "application_name": name},
    }


async def _keep_session(_connection: "asyncpg.Connection[Row]") -> None:
    """Do nothing where the driver would spend a round trip: no query here changes its session."""


def _place(dsn: str) -> str:
    """Say where the server is, without user and password."""
    try:
        parts = urlsplit(dsn)
        host = (parts.hostname or "a local socket") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in {"postgresql", "postgres"}:
        raise StorageError("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    return host + parts.path
