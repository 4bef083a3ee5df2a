"""What every store is: a set of named queries over one database."""

from typing import TypeVar

import msgspec

from storage.database import Database, Row
from storage.records import Venue

Record = TypeVar("Record", bound=msgspec.Struct)


class Store:
    """Base of the stores. Every method raises `StorageUnavailableError` when Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database


def to_record(row: Row, kind: type[Record]) -> Record:
    """Make the record whose fields have the names of the row's columns; further columns are ignored."""
    return msgspec.convert(dict(row), kind)


def venue_of(row: Row) -> Venue:
    """Make the venue of a row that carries its channel's columns."""
    return Venue(
        row["channel_id"], row["guild_id"], row["parent_id"], row["kind"], row["channel_name"], row["nsfw"]
    )
