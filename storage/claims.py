"""Claims: at most one process does a thing on one database."""

import asyncio
from typing import Any, Self

import asyncpg

from storage.errors import DatabaseClaimedError, storage_errors
from storage.queries import query

RELEASE_S = 2.0
TRY_CLAIM, CLAIM_HOLDER = query("try_claim"), query("claim_holder")


class Claim:
    """An advisory lock on a connection of its own; the server frees it when the connection ends."""

    def __init__(self, name: str, connection: "asyncpg.Connection[Any]") -> None:
        self.name = name
        self._connection = connection
        self._ended = asyncio.Event()
        connection.add_termination_listener(lambda _connection: self._ended.set())

    @classmethod
    async def take(cls, name: str, connection: "asyncpg.Connection[Any]") -> Self:
        """Take the claim or close the connection.

        Raises:
            DatabaseClaimedError: another process holds it.
        """
        try:
            with storage_errors("claim"):
                if await connection.fetchval(TRY_CLAIM.sql, name):
                    return cls(name, connection)
                holder = await connection.fetchval(CLAIM_HOLDER.sql, name)
        except BaseException:
            connection.terminate()
            raise
        await connection.close()
        raise DatabaseClaimedError(
            f"Another Troupe works on this database as {name}: {holder or 'it just left; try again'}. "
            "Stop it first, or give this one a database of its own."
        )

    @property
    def is_held(self) -> bool:
        """False once released or once the connection to the server is lost."""
        return not self._connection.is_closed()

    async def ended(self) -> None:
        """Wait until the claim is held no more; then another process may hold it."""
        await self._ended.wait()

    async def release(self) -> None:
        """Let another process take it; again is harmless."""
        try:
            await self._connection.close(timeout=RELEASE_S)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # the server frees it by itself
            self._connection.terminate()
