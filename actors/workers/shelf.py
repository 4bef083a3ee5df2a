"""Where the large blobs of one connection lie until they are read.

Nothing here blocks the loop: files are opened, written, read and closed on the disk's thread, in the order of
the calls. A file loses its name as soon as the stage has it, so it is gone when it is closed, come what may.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from actors.workers.disk import DISK, on_disk
from actors.workers.errors import BlobLostError, ProtocolError
from actors.workers.frames import MAX_BLOB, Stored
from actors.workers.results import Blob


class Parcel:
    """A large blob on its way to its reader. `make` opens its file."""

    def __init__(self, make: Callable[[], IO[bytes]]) -> None:
        self._file = DISK.submit(make)
        self._size = 0
        self._writing: asyncio.Future[None] | None = None
        self._error: OSError | None = None

    def add(self, data: bytes) -> "asyncio.Future[None]":
        """Append a piece; done when it is stored. That it could not be is said by `read`.

        Raises:
            ProtocolError: the piece before is not stored yet, or there are too many of them.
        """
        if self._writing is not None and not self._writing.done():
            raise ProtocolError("A piece without credit")
        self._size += len(data)
        if self._size > MAX_BLOB:
            raise ProtocolError(f"A blob of more than {MAX_BLOB} bytes")
        self._writing = on_disk(self._append, data)
        return self._writing

    async def read(self, stored: Stored) -> Blob:
        """Return the blob.

        Raises:
            BlobLostError: the file is missing, cannot be read or is not what was announced.
        """
        try:
            data = await on_disk(self._read, stored.size + 1)
            digest = await asyncio.to_thread(hashlib.sha256, data)
        except OSError as error:
            raise BlobLostError(f"A blob is lost: {error}").caused_by(error) from error
        if len(data) != stored.size or digest.digest() != stored.sha256:
            raise BlobLostError("A blob is not what was announced")
        return Blob(stored.media_type, data)

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        DISK.submit(self._close)

    def _append(self, data: bytes) -> None:
        try:
            file = self._file.result()
            file.write(data)
            file.flush()
        except OSError as error:
            self._error = error

    def _read(self, limit: int) -> bytes:
        """Return what is there; one byte too many is enough to know that it is wrong."""
        if self._error is not None:
            raise self._error
        file = self._file.result()
        file.seek(0)
        return file.read(limit)

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.result().close()


class Shelf:
    """The folder of one connection.

    Args:
        folder: which nobody else uses.
        shared: the worker puts files there itself.
    """

    def __init__(self, folder: Path, *, shared: bool) -> None:
        self._folder = folder
        self.spool = str(folder) if shared else ""

    def open(self) -> None:
        """Make the folder. Without it large blobs fail, and nothing else does."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(0o700)

    def claim(self, name: str) -> Parcel:
        """Take a file of the worker over."""
        return Parcel(lambda: _claim(self._folder / name))

    def blank(self) -> Parcel:
        """Return an empty file for pieces."""
        return Parcel(lambda: tempfile.TemporaryFile(dir=self._folder))

    def clear(self) -> None:
        """Remove what no stream has claimed; what is claimed can still be read."""
        DISK.submit(shutil.rmtree, self._folder, ignore_errors=True)


def _claim(path: Path) -> IO[bytes]:
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    path.unlink()
    return file
