"""How a worker hands over blobs: small ones in a frame, large ones as a file or in pieces."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from actors.workers.allowance import Allowance
from actors.workers.disk import DISK, on_disk
from actors.workers.errors import BlobLostError, BlobTooLargeError
from actors.workers.frames import INLINE, MAX_BLOB, PIECE, Chunks, Frame, Piece, Stored
from actors.workers.results import Blob


class BlobSender:
    """Sends the blobs of all streams of a worker; `send` hands a frame to the connection.

    Attributes:
        spool: the folder that the stage reads files from; None where it cannot see ours.
    """

    def __init__(self, send: Callable[[Frame], None]) -> None:
        self.spool: Path | None = None
        self._send = send
        self._turn = asyncio.Lock()

    async def send(self, stream: int, blob: Blob, allowance: Allowance) -> None:
        """Send a blob, and spend its size.

        Raises:
            BlobTooLargeError: the protocol does not carry so much.
            BlobLostError: it cannot be written.
        """
        size = len(blob.data)
        if size > MAX_BLOB:
            raise BlobTooLargeError(f"A blob of {size} bytes, more than {MAX_BLOB}")
        if size <= INLINE:
            self._announce(stream, blob)
        elif self.spool is not None:
            await self._send_file(stream, blob, self.spool / secrets.token_hex(16))
        else:
            await self._send_pieces(stream, blob, allowance)
        allowance.spend(size)

    async def _send_file(self, stream: int, blob: Blob, path: Path) -> None:
        stored = await _describe(blob, path.name)
        with ExitStack() as undo:
            undo.callback(DISK.submit, path.unlink, missing_ok=True)
            try:
                await on_disk(path.write_bytes, blob.data)
            except OSError as error:
                raise BlobLostError(f"A blob cannot be written: {error}").caused_by(error) from error
            self._announce(stream, stored)
            undo.pop_all()

    async def _send_pieces(self, stream: int, blob: Blob, allowance: Allowance) -> None:
        """Send one piece at a time, of all streams together: nothing waits behind more than one."""
        stored = await _describe(blob)
        for start in range(0, stored.size, PIECE):
            data = blob.data[start : start + PIECE]
            async with self._turn:
                self._send(Piece(stream, data))
                allowance.spend(len(data))
                await allowance.room()
        self._announce(stream, stored)

    def _announce(self, stream: int, event: Blob | Stored) -> None:
        self._send(Chunks(((stream, (event,)),)))


async def _describe(blob: Blob, name: str = "") -> Stored:
    digest = await asyncio.to_thread(hashlib.sha256, blob.data)
    return Stored(blob.media_type, len(blob.data), digest.digest(), name)
