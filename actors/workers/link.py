"""The stage's end of the connection to one worker."""

import asyncio
import hmac
from collections.abc import Sequence
from typing import Protocol, cast

from typing_extensions import override

from actors.models.chat import ChatRequest
from actors.workers.errors import ProtocolError, WorkerLostError
from actors.workers.failures import rebuild
from actors.workers.frames import (
    MAX_FRAME,
    VERSION,
    Cancel,
    Carried,
    Chunks,
    Credit,
    End,
    Failed,
    Frame,
    FrameDecoder,
    Heartbeat,
    Hello,
    Piece,
    Stored,
    Submit,
    Welcome,
    encode,
)
from actors.workers.inflight import InFlight
from actors.workers.shelf import Shelf
from config.errors import TroupeError
from config.logs import get_logger

log = get_logger(__name__)

MISSED_BEATS = 10
"""Periods of silence after which a worker is lost; see docs/decisions/0006-a-second-of-silence.md."""
BEATS_PER_WORD = 10
"""Heartbeat periods between two signs of life to a worker, which waits ten seconds for one."""

HELLO_BEATS = 50
"""Heartbeat periods within which a connection must have said who it is."""

HELLO_LIMIT = 4096
"""Bytes that a stranger may send in one frame."""


class LinkOwner(Protocol):
    """Who wants to know of workers that come and go."""

    def welcome(self, link: "WorkerLink", hello: Hello) -> None:
        """A worker has said hello."""
        ...

    def farewell(self, link: "WorkerLink", reason: str) -> None:
        """The connection is gone; called once, also for strangers."""
        ...


class WorkerLink(asyncio.Protocol):
    """Carries many streams. EOF, silence or nonsense ends the connection and, at once, all its streams.

    Attributes:
        hello: what the worker said of itself; None before.
        streams: those in flight, by number.
        cpu_s: processor seconds that the worker has used, as of its last heartbeat.
        beats: heartbeat periods since this connection was made.
        retiring: it gets no new streams.
        shelf: where its large blobs lie until they are read.
    """

    def __init__(self, owner: LinkOwner, secret: str, shelf: Shelf) -> None:
        self.hello: Hello | None = None
        self.streams: dict[int, InFlight] = {}
        self.cpu_s = 0.0
        self.beats = 0
        self.retiring = False
        self.shelf = shelf
        self._owner = owner
        self._secret = secret
        self._decoder = FrameDecoder(HELLO_LIMIT)
        self._transport: asyncio.Transport | None = None
        self._missed = 0
        self._reason = "eof"

    @property
    def kind(self) -> str:
        """The kind of worker, empty before its hello."""
        return self.hello.kind if self.hello is not None else ""

    @property
    def load(self) -> float:
        """Streams in flight as a share of what the worker serves well."""
        return len(self.streams) / max(self.hello.capacity, 1) if self.hello else 0.0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's have no common base with asyncio's

    @override
    def data_received(self, data: bytes) -> None:
        self._missed = 0
        try:
            for frame in self._decoder.feed(data):
                self._take(frame)
        except ProtocolError as error:
            event = "worker_refused" if self.hello is None else "worker_spoke_nonsense"
            log.warning(event, worker=self.hello and self.hello.id, error=str(error))
            self.close("protocol")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            stream.end(WorkerLostError(f"The worker was lost ({self._reason})"))
        self._owner.farewell(self, self._reason)

    def submit(self, number: int, request: ChatRequest) -> InFlight:
        """Begin a stream under a number that was never used before.

        Raises:
            ProtocolError: the request is too large for a frame.
        """
        frame = encode(Submit(number, request))
        stream = InFlight(lambda size: self._send(Credit(number, size)), self.shelf)
        self.streams[number] = stream
        self._write(frame)
        return stream

    def forget(self, number: int) -> None:
        """Cancel a stream, if it is still in flight."""
        if self.streams.pop(number, None) is not None:
            self._send(Cancel(number))
        self._leave_if_done()

    def retire(self) -> None:
        """Take no new streams, and close when those in flight have ended."""
        self.retiring = True
        self._leave_if_done()

    def beat(self) -> None:
        """Called once per heartbeat period: say that the stage lives, and give up a silent worker.

        Periods are counted, not seconds, so that a pause of the stage itself blames no worker.
        """
        self.beats += 1
        self._missed += 1
        if self._missed > MISSED_BEATS:
            self.close("silent")
        elif self.hello is None and self.beats > HELLO_BEATS:
            self.close("no hello")
        elif self.hello is not None and self.beats % BEATS_PER_WORD == 0:
            self._send(Heartbeat())

    def close(self, reason: str) -> None:
        """Give the connection up; its streams hear of it, and `farewell` follows, in the next loop pass."""
        self._reason = reason
        if self._transport is not None:
            self._transport.abort()

    def _take(self, frame: Frame) -> None:
        if self.hello is None:
            self._greet(frame)
            return
        match frame:
            case Chunks(batch):
                for number, events in batch:
                    self._push(number, events)
            case Piece(number, data):
                if (stream := self.streams.get(number)) is not None:
                    stream.add(data)
            case End(number):
                self._end(number, None)
            case Failed(number, failure):
                self._end(number, rebuild(failure))
            case Heartbeat(_, cpu_s):
                self.cpu_s = cpu_s
            case _:
                raise ProtocolError(f"A worker must not send {type(frame).__name__}")

    def _greet(self, frame: Frame) -> None:
        if not isinstance(frame, Hello):
            raise ProtocolError("The first frame is not a hello")
        if not hmac.compare_digest(frame.secret.encode(), self._secret.encode()):
            raise ProtocolError("Wrong secret")
        if frame.version != VERSION:
            raise ProtocolError(f"{frame.id} speaks version {frame.version}, the stage {VERSION}")
        self.hello = frame
        self._decoder.limit = MAX_FRAME
        self._owner.welcome(self, frame)
        self._send(Welcome(self.shelf.spool))

    def _push(self, number: int, events: Sequence[Carried]) -> None:
        """Pass events on; a file for a stream that nobody reads any more goes at once."""
        if (stream := self.streams.get(number)) is not None:
            stream.push(events)
            return
        for event in events:
            if isinstance(event, Stored) and event.name:
                self.shelf.claim(event.name).close()

    def _end(self, number: int, error: TroupeError | None) -> None:
        if (stream := self.streams.pop(number, None)) is not None:
            stream.end(error)
            self._leave_if_done()

    def _leave_if_done(self) -> None:
        if self.retiring and not self.streams:
            self.close("retired")

    def _send(self, frame: Frame) -> None:
        self._write(encode(frame))

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
