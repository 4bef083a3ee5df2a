"""A worker's end of the connection to the stage."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from typing_extensions import override

from actors.workers.certificate import client_context
from actors.workers.errors import HubGoneError, ProtocolError
from actors.workers.frames import HEARTBEAT_S, Frame, FrameDecoder, Heartbeat, Hello, encode
from actors.workers.orders import Door

DIAL_S = 10.0
BEATS_PER_REPORT = 10
"""Heartbeat periods after which one is sent even while data flow: it carries the processor time."""
SILENCE_S = 10.0
"""A stage that says nothing for so long is gone: its host may have vanished without a goodbye."""


class Uplink(asyncio.Protocol):
    """Sends frames, hands received ones to `take`, keeps up the heartbeat. Any frame is a sign of life.

    Attributes:
        closed: done when the connection is gone.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._take: Callable[[Frame], None] | None = None
        self._load: Callable[[], int] = int
        self._decoder = FrameDecoder()
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._heard = loop.time()
        self._beats = 0
        self._sent = False

    def begin(self, hello: Hello, take: Callable[[Frame], None], load: Callable[[], int]) -> None:
        """Say hello; from now on frames go to `take`, and heartbeats carry what `load` returns."""
        self._take, self._load = take, load
        self.send(hello)
        self._beat()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's have no common base with asyncio's

    @override
    def data_received(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        try:
            for frame in self._decoder.feed(data):
                if self._take is not None:
                    self._take(frame)
        except ProtocolError:
            self.close()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def send(self, frame: Frame) -> None:
        """Send a frame, if the connection is still there."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(frame))
            self._sent = True

    async def room(self) -> None:
        """Return once the stage keeps up with what was sent."""
        if not self._writable.is_set():
            await self._writable.wait()

    def close(self) -> None:
        """Give the connection up."""
        if self._transport is not None:
            self._transport.abort()

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        if self.closed.done():
            return
        if loop.time() - self._heard > SILENCE_S:
            self.close()
            return
        self._beats += 1
        if not self._sent or self._beats % BEATS_PER_REPORT == 0:
            self.send(Heartbeat(self._load(), time.process_time()))
        self._sent = False
        loop.call_later(HEARTBEAT_S, self._beat)


async def dial(door: Door) -> Uplink:
    """Connect to the stage.

    Raises:
        HubGoneError: it does not answer at that address, or shows another certificate.
    """
    loop = asyncio.get_running_loop()
    scheme, _, place = door.address.partition(":")
    try:
        async with asyncio.timeout(DIAL_S):
            if scheme == "unix":
                _, uplink = await loop.create_unix_connection(Uplink, place)
            else:
                host, _, port = place.rpartition(":")
                context = client_context(door.certificate or "")
                _, uplink = await loop.create_connection(Uplink, host, int(port), ssl=context)
    except (OSError, ValueError) as error:
        raise HubGoneError(f"The stage does not answer: {error}") from error
    return uplink
