"""A stream as the stage sees it: what has arrived and was not read yet."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from actors.workers.frames import WINDOW, Carried, Stored, size_of
from actors.workers.results import Blob, Result
from actors.workers.shelf import Parcel, Shelf
from config.errors import TroupeError


class InFlight:
    """Results between a worker's connection and one reader. Large blobs lie on `shelf` meanwhile.

    `grant` is called with what the reader took, and with the size of every piece that is stored.
    """

    def __init__(self, grant: Callable[[int], None], shelf: Shelf) -> None:
        self._loop = asyncio.get_running_loop()
        self._grant = grant
        self._shelf = shelf
        self._events: deque[Result | tuple[Stored, Parcel]] = deque()
        self._coming: Parcel | None = None
        self._taken = 0
        self._over = False
        self._error: TroupeError | None = None
        self._reader: asyncio.Future[None] | None = None

    def push(self, events: Sequence[Carried]) -> None:
        """Add what arrived."""
        for event in events:
            self._events.append((event, self._claim(event)) if isinstance(event, Stored) else event)
        self._wake()

    def add(self, piece: bytes) -> None:
        """Store a piece of a large blob; credit for the next one is given when that is done.

        Raises:
            ProtocolError: it came without credit, or the blob gets too large.
        """
        self._coming = self._coming or self._shelf.blank()
        self._coming.add(piece).add_done_callback(lambda _: self._grant(len(piece)))

    def end(self, error: TroupeError | None = None) -> None:
        """Nothing more will come; `error` is raised once everything before it was read."""
        if not self._over:
            self._over, self._error = True, error
            self._wake()

    async def next(self) -> Result | None:
        """Return the next result, or None at the end. A large blob is read from the disk now.

        Raises:
            BlobLostError: it cannot be.
            TroupeError: what the worker reported, or `WorkerLostError`.
        """
        while not self._events:
            if self._error is not None:
                raise self._error
            if self._over:
                return None
            self._reader = self._loop.create_future()
            await self._reader
        event = self._events[0]
        result = await _fetch(*event) if isinstance(event, tuple) else event
        self._events.popleft()
        self._took(size_of(result))
        return result

    def close(self) -> None:
        """Let go of blobs that nobody has read. May be called twice."""
        parcels = [event[1] for event in self._events if isinstance(event, tuple)]
        for parcel in [*parcels, self._coming]:
            if parcel is not None:
                parcel.close()

    def _claim(self, stored: Stored) -> Parcel:
        if stored.name:
            return self._shelf.claim(stored.name)
        parcel, self._coming = self._coming or self._shelf.blank(), None
        return parcel

    def _took(self, size: int) -> None:
        self._taken += size
        if self._taken >= WINDOW // 2 and not self._over:
            self._grant(self._taken)
            self._taken = 0

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


async def _fetch(stored: Stored, parcel: Parcel) -> Blob:
    blob = await parcel.read(stored)
    parcel.close()
    return blob
