"""Transport compression: one context per connection, flushed after every message."""

import zlib
from typing import Protocol

import zstandard
from typing_extensions import override


class Compressor(Protocol):
    """Turns messages into pieces of one compressed stream."""

    def compress(self, data: bytes) -> bytes:
        """Return the piece of the stream that carries `data` whole."""
        ...


class ZlibStream(Compressor):
    """`compress=zlib-stream`."""

    def __init__(self) -> None:
        self._context = zlib.compressobj(1)

    @override
    def compress(self, data: bytes) -> bytes:
        return self._context.compress(data) + self._context.flush(zlib.Z_SYNC_FLUSH)


class ZstdStream(Compressor):
    """`compress=zstd-stream`."""

    def __init__(self) -> None:
        self._context = zstandard.ZstdCompressor(level=1).compressobj()

    @override
    def compress(self, data: bytes) -> bytes:
        flush = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        return self._context.compress(data) + self._context.flush(flush)


def compressor(name: str | None) -> Compressor | None:
    """Return a fresh compressor for the value of the `compress` query, None for plain text frames."""
    if name == "zlib-stream":
        return ZlibStream()
    if name == "zstd-stream":
        return ZstdStream()
    return None
