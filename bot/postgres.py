"""The embedded Postgres as a child of the tree."""

import asyncio

from storage.embedded import EmbeddedPostgres
from storage.errors import StorageUnavailableError
from supervision.child import Child
from supervision.task import TaskLife

WATCH_S = 0.5
"""How often it is looked after: its main process is not our child, so nobody tells us of its end."""
START_S = 1_800.0
"""More than the server's own limits for a first start and for a recovery."""
STOP_S = 24.0
"""As long as an orderly stop may take in all: it is the last to go."""


def postgres_child(server: EmbeddedPostgres) -> Child:
    """Supervise a server: an incarnation lasts from its start, or from joining one that runs, to its end.

    Raises (in the incarnation):
        EmbeddedServerError: it cannot start; says why.
        StorageUnavailableError: it has died.
    """

    async def start() -> TaskLife:
        try:
            await server.start()
        except BaseException:
            await server.stop()
            raise
        return TaskLife(_outlast(server))

    return Child(name="postgres", start=start, start_timeout_s=START_S, stop_budget_s=STOP_S)


async def _outlast(server: EmbeddedPostgres) -> None:
    """Wait for the end of a server, or stop it when cancelled, unless others still use it."""
    try:
        while await server.is_running():  # noqa: ASYNC110 - another process, and no child of ours
            await asyncio.sleep(WATCH_S)
        raise StorageUnavailableError("Postgres has died.")
    finally:
        await server.stop()
