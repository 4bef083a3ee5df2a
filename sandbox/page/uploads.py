"""Files that a tab has handed over and not yet used: by messages, options and forms."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from aiohttp import BodyPartReader, web

from sandbox.errors import ActionRefusedError
from sandbox.state import ATTACHMENT_LIMIT

HELD_BYTES = 64 * 1024 * 1024
HELD_S = 600.0
_CHUNK = 64 * 1024

File = tuple[str, bytes]


class Uploads:
    """A small store with a limit in bytes and in time; the oldest goes first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, File]] = OrderedDict()

    def put(self, filename: str, data: bytes) -> str:
        """Keep a file and return the id under which it is taken."""
        key = secrets.token_urlsafe(16)
        self._held[key] = (self._clock(), (filename, data))
        self._forget()
        return key

    def take(self, keys: list[str]) -> list[File]:
        """Return the files and forget them.

        Raises:
            ActionRefusedError: one of them is gone.
        """
        missing = [key for key in keys if key not in self._held]
        if missing:
            raise ActionRefusedError("Upload gone", user_message="That file has to be chosen again.")
        return [self._held.pop(key)[1] for key in keys]

    def _forget(self) -> None:
        size = sum(len(data) for _, (_, data) in self._held.values())
        expired = self._clock() - HELD_S
        while self._held:
            key, (made, (_, data)) = next(iter(self._held.items()))
            if size <= HELD_BYTES and made > expired:
                return
            del self._held[key]
            size -= len(data)


async def read_part(request: web.Request) -> File:
    """Read the one file of a multipart request.

    Raises:
        web.HTTPBadRequest: there is no file in it.
        web.HTTPRequestEntityTooLarge: it is larger than Discord takes.
    """
    part = await (await request.multipart()).next()
    if not isinstance(part, BodyPartReader) or part.filename is None:
        raise web.HTTPBadRequest(text="No file")
    data = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        data += chunk
        if len(data) > ATTACHMENT_LIMIT:
            raise web.HTTPRequestEntityTooLarge(ATTACHMENT_LIMIT, len(data))
    return part.filename, bytes(data)
