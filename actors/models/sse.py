"""Server-sent events from byte chunks, however the network cut them."""

from config.errors import TroupeError

MAX_EVENT_BYTES = 4 * 1024**2
"""Far above any piece of text; a server that never ends its line does not eat the memory."""

BOM = b"\xef\xbb\xbf"


class EventTooLargeError(TroupeError):
    """One event is larger than `MAX_EVENT_BYTES`."""


class SseParser:
    """Keeps the unfinished event between chunks. One instance per stream.

    Follows the event stream format of the HTML standard, but keeps only what model servers use: the
    data. Comments and the fields `event`, `id` and `retry` are skipped. Old llama.cpp servers send a
    field `error` with the same content as `data`, so it counts as data.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes and return the data of every event that they complete.

        Raises:
            EventTooLargeError: the event does not end.
        """
        chunk = self._with_plain_newlines(chunk)
        if self._rest:
            chunk = self._rest + chunk
        if self._at_start and not BOM.startswith(chunk):
            chunk = chunk.removeprefix(BOM)
            self._at_start = False
        *lines, self._rest = chunk.split(b"\n")
        events: list[bytes] = []
        for line in lines:
            self._take(line, events)
        if self._size + len(self._rest) > MAX_EVENT_BYTES:
            raise EventTooLargeError(f"The event goes on after {MAX_EVENT_BYTES} bytes")
        return events

    def finish(self) -> list[bytes]:
        """Return the data of the last event, if the stream ended without the blank line after it."""
        events: list[bytes] = []
        self._take(self._rest, events)
        self._take(b"", events)
        self._rest = b""
        return events

    def _with_plain_newlines(self, chunk: bytes) -> bytes:
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if chunk:
            self._after_cr = False
        return chunk

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if not line:
            if self._data:
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data.clear()
                self._size = 0
            return
        field, _, value = line.partition(b":")
        if field in {b"data", b"error"}:
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._size += len(value)
