"""The worker protocol: length-prefixed msgpack frames between the stage and its workers.

A worker dials the stage and says `Hello`, the stage says `Welcome`. The stage sends `Submit`, `Cancel` and
`Credit`; the worker answers with `Chunks`, with pieces of a large blob and, for each stream once, with `End`
or `Failed`. Both send `Heartbeat`. Stream numbers are never used twice, so whoever hears of a number that it
does not know any more ignores the frame.
"""

import struct
from typing import Annotated

import msgspec

from actors.models.chat import ChatEvent, ChatRequest, Delta
from actors.workers.errors import ProtocolError
from actors.workers.failures import Failure
from actors.workers.results import Blob, Result

VERSION = 2
"""Both sides must have the same."""

MAX_FRAME = 8 * 1024**2
"""Bytes of the largest frame: a long prompt with room to spare."""

INLINE = 64 * 1024
"""Bytes of the largest blob that travels inside `Chunks`; see docs/decisions/0010-large-results.md."""

PIECE = 256 * 1024
"""Bytes of the largest `Piece`: what a token may have to wait behind; 2 ms at a gigabit per second."""

MAX_BLOB = 64 * 1024**2
"""Bytes of the largest blob: minutes of uncompressed speech, or any image; more is a mistake."""

HEARTBEAT_S = 0.1
WINDOW = 16 * 1024
"""Characters or bytes that a stream may be ahead of its reader, by one event more; about 4,000 tokens."""

_HEADER = struct.Struct(">I")


class Hello(msgspec.Struct, frozen=True, array_like=True, tag="hello"):
    """Who dials. `capacity` is the number of streams that this worker serves well at once."""

    id: str
    kind: str
    secret: str
    version: int = VERSION
    capacity: int = 1
    pid: int = 0


class Welcome(msgspec.Struct, frozen=True, array_like=True, tag="welcome"):
    """You are in. `spool` is the folder for large blobs, empty where we may have no file system in common."""

    spool: str = ""


class Submit(msgspec.Struct, frozen=True, array_like=True, tag="submit"):
    """Begin a stream, with permission to send `credit` characters or bytes."""

    stream: int
    request: ChatRequest
    credit: int = WINDOW


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    """Nobody reads this stream any more."""

    stream: int


class Credit(msgspec.Struct, frozen=True, array_like=True, tag="credit"):
    """The reader took `size` characters or bytes, or a piece is stored; as many more may be sent."""

    stream: int
    size: int


class Stored(msgspec.Struct, frozen=True, tag="stored"):
    """A large blob, complete: in the file `name` of the spool, or in the pieces before, if that is empty."""

    media_type: str
    size: Annotated[int, msgspec.Meta(gt=0, le=MAX_BLOB)]
    sha256: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    name: Annotated[str, msgspec.Meta(pattern=r"\A([0-9a-f]{32})?\Z")] = ""


class Piece(msgspec.Struct, frozen=True, array_like=True, tag="piece"):
    """The next bytes of a large blob. The one after it leaves when this one is stored."""

    stream: int
    data: Annotated[bytes, msgspec.Meta(min_length=1, max_length=PIECE)]


Carried = ChatEvent | Blob | Stored


class Chunks(msgspec.Struct, frozen=True, array_like=True, tag="chunks"):
    """What streams of this worker produced since the last batch."""

    batch: tuple[tuple[int, tuple[Carried, ...]], ...]


class End(msgspec.Struct, frozen=True, array_like=True, tag="end"):
    """The stream is complete."""

    stream: int


class Failed(msgspec.Struct, frozen=True, array_like=True, tag="failed"):
    """The stream ended with an error."""

    stream: int
    failure: Failure


class Heartbeat(msgspec.Struct, frozen=True, array_like=True, tag="heartbeat"):
    """I live. `streams` are in flight here; `cpu_s` is the processor time used so far."""

    streams: int = 0
    cpu_s: float = 0.0


Frame = Hello | Welcome | Submit | Cancel | Credit | Chunks | Piece | End | Failed | Heartbeat

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    """Return the bytes of one frame.

    Raises:
        ProtocolError: the frame is larger than `MAX_FRAME`.
    """
    body = _encoder.encode(frame)
    if len(body) > MAX_FRAME:
        raise ProtocolError(f"{type(frame).__name__} has {len(body)} bytes, more than {MAX_FRAME}")
    return _HEADER.pack(len(body)) + body


class FrameDecoder:
    """Cuts a byte stream into frames, in whatever pieces it arrives. After an error it is of no use."""

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self.limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes and return the frames that they complete.

        Raises:
            ProtocolError: a frame is too large or is none of ours.
        """
        self._buffer += data
        frames: list[Frame] = []
        start = 0
        while (end := self._end_of_frame(start)) is not None:
            frames.append(_decode(self._buffer[start + _HEADER.size : end]))
            start = end
        del self._buffer[:start]
        return frames

    def _end_of_frame(self, start: int) -> int | None:
        """Return where the frame at `start` ends, or None while it is incomplete."""
        body = start + _HEADER.size
        if len(self._buffer) < body:
            return None
        (size,) = _HEADER.unpack_from(self._buffer, start)
        if size > self.limit:
            raise ProtocolError(f"A frame of {size} bytes, more than {self.limit}")
        return body + size if len(self._buffer) >= body + size else None


def _decode(body: bytearray) -> Frame:
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ProtocolError(f"Not a frame: {error}").caused_by(error) from error


def size_of(result: Result) -> int:
    """Return how much credit a result takes: characters of text, bytes of a blob."""
    if isinstance(result, Blob):
        return len(result.data)
    return len(result.text) + len(result.reasoning) if isinstance(result, Delta) else 0
