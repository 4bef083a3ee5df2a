"""The worker protocol: length-prefixed msgpack frames between the stage and its workers.

A worker dials the stage and says `Hello`. The stage sends `Submit`, `Cancel` and `Credit`; the worker answers
with `Chunks` and, for each stream once, `End` or `Failed`. Both send `Heartbeat`. Stream numbers are never
used twice, so whoever hears of a number that it does not know any more ignores the frame.
"""

import struct

import msgspec

from actors.models.chat import ChatEvent, ChatRequest, Delta
from actors.workers.errors import ProtocolError
from actors.workers.failures import Failure

VERSION = 1
"""Both sides must have the same."""

MAX_FRAME = 8 * 1024**2
"""Bytes of the largest frame: a long prompt with room to spare; larger things travel as files."""

HEARTBEAT_S = 0.1
WINDOW = 16 * 1024
"""Characters that a stream may be ahead of its reader; about 4,000 tokens."""

_HEADER = struct.Struct(">I")


class Hello(msgspec.Struct, frozen=True, array_like=True, tag="hello"):
    """Who dials. `capacity` is the number of streams that this worker serves well at once."""

    id: str
    kind: str
    secret: str
    version: int = VERSION
    capacity: int = 1
    pid: int = 0


class Submit(msgspec.Struct, frozen=True, array_like=True, tag="submit"):
    """Begin a stream, with permission to send `credit` characters."""

    stream: int
    request: ChatRequest
    credit: int = WINDOW


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    """Nobody reads this stream any more."""

    stream: int


class Credit(msgspec.Struct, frozen=True, array_like=True, tag="credit"):
    """The reader took `size` characters; as many more may be sent."""

    stream: int
    size: int


class Chunks(msgspec.Struct, frozen=True, array_like=True, tag="chunks"):
    """What streams of this worker produced since the last batch."""

    batch: tuple[tuple[int, tuple[ChatEvent, ...]], ...]


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


Frame = Hello | Submit | Cancel | Credit | Chunks | End | Failed | Heartbeat

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


def size_of(event: ChatEvent) -> int:
    """Return how much credit an event takes, in characters."""
    return len(event.text) + len(event.reasoning) if isinstance(event, Delta) else 0
