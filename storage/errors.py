"""Why the storage did not do what it was asked."""

from collections.abc import Generator
from contextlib import contextmanager

import asyncpg

from config.errors import TroupeError


class StorageError(TroupeError):
    """The storage could not do what it was asked."""

    user_message = "I could not get at my memory."


class StorageUnavailableError(StorageError):
    """Postgres cannot be reached or did not answer in time; it may work again in a moment."""

    retryable = True
    user_message = "My memory is away for a moment; try again shortly."


class ConflictError(StorageError):
    """A row like this exists already; the message is the name of the violated constraint."""


class ReferenceMissingError(StorageError):
    """What a row refers to is not there: it may be on its way, since one that was delayed comes later."""

    retryable = True


class MigrationError(StorageError):
    """The database cannot be brought to the schema that this version needs."""


class EmbeddedServerError(StorageError):
    """The embedded Postgres cannot run here; the message says what to change."""


class VectorMissingError(StorageError):
    """The Postgres server has no pgvector; the message says how to get it."""


class DatabaseClaimedError(StorageError):
    """Another Troupe works on this database."""

    fatal = True


_PASSING = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What may work a moment later: server away or restarting, time-outs, deadlocks, too many connections.

The driver's internal error comes when a query meets the server's last word on a dying connection.
"""


@contextmanager
def storage_errors(doing: str) -> Generator[None, None, None]:
    """Turn the driver's errors inside the body into ours.

    Args:
        doing: what is being done, for the message; the driver's own words may hold row values and are
            kept only as the cause.
    """
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise ConflictError(error.constraint_name or doing) from error
    except asyncpg.ForeignKeyViolationError as error:
        raise ReferenceMissingError(f"{doing}: {type(error).__name__}") from error
    except (asyncpg.DataError, asyncpg.ClientConfigurationError) as error:
        raise StorageError(f"{doing}: a value does not fit ({type(error).__name__})") from error
    except _PASSING as error:
        raise StorageUnavailableError(f"{doing}: {type(error).__name__}") from error
    except asyncpg.PostgresError as error:
        raise StorageError(f"{doing}: {type(error).__name__}") from error
