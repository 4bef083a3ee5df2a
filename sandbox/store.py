"""The sandbox's state in one SQLite file: a small snapshot of the world, and messages and files by row."""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sandbox.assets import Asset
from sandbox.errors import StateUnreadableError, StateUnwritableError
from sandbox.simulator import Channel, Guild, Interaction, Message, User, Webhook

VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS world (id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    channel_id INTEGER, id INTEGER, body BLOB NOT NULL, PRIMARY KEY (channel_id, id)
);
CREATE TABLE IF NOT EXISTS asset (key TEXT PRIMARY KEY, content_type TEXT NOT NULL, data BLOB NOT NULL);
"""


class Snapshot(msgspec.Struct, kw_only=True):
    """Everything but messages and files."""

    version: int = VERSION
    base_url: str
    application_id: int
    bot_id: int
    users: list[User]
    guilds: list[Guild]
    channels: list[Channel]
    webhooks: list[Webhook]
    dm_channels: dict[int, int]
    commands: list[tuple[int | None, dict[str, Any]]]
    interactions: list[Interaction]


class Change(msgspec.Struct, kw_only=True):
    """What one transaction writes; a message body of None deletes the message."""

    snapshot: bytes | None = None
    messages: Mapping[tuple[int, int], bytes | None] = {}
    assets: Mapping[str, Asset] = {}


class Store:
    """One SQLite file. Its methods block: call them from a worker thread, one at a time.

    Raises:
        StateUnreadableError: the file is damaged, locked, or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise StateUnreadableError(f"{path} cannot be used: {error}") from error

    def load(self) -> Snapshot | None:
        """Return the saved world, or None at a first run.

        Raises:
            StateUnreadableError: the file is of another version.
        """
        row = self._db.execute("SELECT body FROM world").fetchone()
        if row is None:
            return None
        try:
            snapshot = msgspec.msgpack.decode(row[0], type=Snapshot)
        except msgspec.DecodeError as error:
            raise StateUnreadableError(f"The sandbox's saved state cannot be read: {error}") from error
        if snapshot.version != VERSION:
            raise StateUnreadableError(f"The sandbox's saved state has version {snapshot.version}")
        return snapshot

    def messages(self) -> Iterable[Message]:
        """Yield every saved message, oldest first within a channel."""
        decoder = msgspec.msgpack.Decoder(Message)
        for (body,) in self._db.execute("SELECT body FROM message ORDER BY channel_id, id"):
            yield decoder.decode(body)

    def asset(self, key: str) -> Asset | None:
        """Return a saved file."""
        row = self._db.execute("SELECT content_type, data FROM asset WHERE key = ?", (key,)).fetchone()
        return Asset(row[0], row[1]) if row else None

    def save(self, change: Change) -> None:
        """Write one change in one transaction.

        Raises:
            StateUnwritableError: the file cannot be written; nothing of the change is kept.
        """
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                self._write(change)
        except sqlite3.Error as error:
            raise StateUnwritableError(f"The sandbox's state cannot be saved: {error}") from error

    def _write(self, change: Change) -> None:
        rows = [(channel, message, body) for (channel, message), body in change.messages.items()]
        if change.snapshot is not None:
            self._db.execute("INSERT OR REPLACE INTO world VALUES (1, ?)", (change.snapshot,))
        self._db.executemany("INSERT OR REPLACE INTO message VALUES (?, ?, ?)", [r for r in rows if r[2]])
        self._db.executemany(
            "DELETE FROM message WHERE channel_id = ? AND id = ?", [r[:2] for r in rows if r[2] is None]
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO asset VALUES (?, ?, ?)",
            [(key, asset.content_type, asset.data) for key, asset in change.assets.items()],
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()
