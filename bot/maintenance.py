"""`troupe migrate`: the database alone."""

import asyncio
import sys

from config.settings import load_settings
from storage.database import Database
from storage.migrate import migrate


def migrate_now() -> int:
    """Apply every pending migration and name them; returns the exit code.

    Raises:
        StorageError: the database cannot be reached or refuses.
    """
    applied = asyncio.run(_migrate())
    print("\n".join(applied) or "Nothing to do.", file=sys.stdout)  # noqa: T201 - this is the terminal
    return 0


async def _migrate() -> list[str]:
    database = await Database.open(load_settings())
    try:
        return await migrate(database)
    finally:
        await database.close()
