"""Forward-only migrations: `storage/migrations/NNNN_name.sql`, each applied once, in order, never changed."""

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from config.logs import get_logger
from storage.database import Connection, Database
from storage.errors import MigrationError, StorageError, storage_errors
from storage.queries import query

FOLDER = Path(__file__).parent / "migrations"
LONGEST_S = 3600
LIFT_TIMEOUTS, LOCK, CREATE_TABLE = map(
    query, ("lift_timeouts", "lock_migrations", "create_migrations_table")
)
APPLIED, NOTE = query("applied_migrations"), query("note_migration")

log = get_logger(__name__)


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, so that a change of history is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations(folder: Path = FOLDER) -> list[Migration]:
    """Read the migrations in order.

    Raises:
        MigrationError: the numbers are not 1, 2, 3, …
    """
    files = sorted(folder.glob("*.sql"))
    found = [Migration(int(file.stem[:4]), file.stem, file.read_text(encoding="utf-8")) for file in files]
    if [step.version for step in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"The migrations in {folder} are not numbered without gaps.")
    return found


async def migrate(database: Database, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Bring the schema up to date in one transaction and return the names of what was applied.

    Processes that start together wait for each other; the later ones find nothing to do.

    Raises:
        MigrationError: a step failed (then nothing changed), or the history differs from the files.
    """
    steps = await asyncio.to_thread(load_migrations) if migrations is None else migrations
    async with database.connection() as connection:
        try:
            with storage_errors("migrate"):
                async with connection.transaction():
                    return await _apply_pending(connection, steps)
        except MigrationError:
            raise
        except StorageError as error:
            cause = error.__cause__ or error
            raise MigrationError(f"The database could not be migrated: {cause}", error.retryable) from error


async def _apply_pending(connection: Connection, steps: Sequence[Migration]) -> list[str]:
    await connection.execute(LIFT_TIMEOUTS.sql)
    await connection.execute(LOCK.sql, timeout=LONGEST_S)
    await connection.execute(CREATE_TABLE.sql)
    done = {row["version"]: (row["name"], row["checksum"]) for row in await connection.fetch(APPLIED.sql)}
    _check_history(done, steps)
    pending = [step for step in steps if step.version not in done]
    for step in pending:
        await connection.execute(step.sql, timeout=LONGEST_S)
        await connection.execute(NOTE.sql, step.version, step.name, step.checksum)
        log.info("migration_applied", name=step.name)
    return [step.name for step in pending]


def _check_history(done: dict[int, tuple[str, str]], steps: Sequence[Migration]) -> None:
    ours = {step.version: (step.name, step.checksum) for step in steps}
    if newer := sorted(set(done) - set(ours)):
        raise MigrationError(
            f"The database is newer than this Troupe (migration {newer[-1]}): update Troupe, or use another "
            "database."
        )
    for version, (name, checksum) in done.items():
        if ours[version] != (name, checksum):
            raise MigrationError(f"Migration {name} was changed after it had been applied: restore its file.")
