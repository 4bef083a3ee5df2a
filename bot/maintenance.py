"""`troupe migrate`: the database alone."""

import asyncio
import sys

from config.logs import configure_logging
from config.settings import Settings, load_settings
from storage.database import Database
from storage.migrate import migrate


def migrate_now() -> int:
    """Apply every pending migration and name them; returns the exit code.

    Raises:
        StorageError: the database cannot be reached or refuses.
    """
    settings = load_settings()
    configure_logging(settings.log_format, "warning")
    applied = asyncio.run(_migrate(settings))
    print("\n".join(applied) or "Nothing to do.", file=sys.stdout)  # noqa: T201 - this is the terminal
    return 0


async def _migrate(settings: Settings) -> list[str]:
    database = await Database.open(settings)
    try:
        return await migrate(database)
    finally:
        await database.close()
