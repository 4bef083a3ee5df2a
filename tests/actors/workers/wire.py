"""The worker protocol by hand: one side of a connection whose every frame a test decides."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from actors.workers.certificate import new_certificate, server_context
from actors.workers.frames import Frame, FrameDecoder, Heartbeat, Hello, Welcome, encode
from actors.workers.hub import Hub
from actors.workers.orders import Door, Orders
from actors.workers.work import work
from tests.actors.workers.blob_worker import BlobModel


class Wire:
    """Sends and receives frames; heartbeats are passed over."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = FrameDecoder()
        self._frames: deque[Frame] = deque()

    def send(self, *frames: Frame) -> None:
        """Send frames as they are, sensible or not."""
        self._writer.write(b"".join(map(encode, frames)))

    async def next(self) -> Frame:
        """Return the next frame."""
        while not self._frames:
            data = await self._reader.read(2**16)
            assert data, "The other side has closed"
            received = self._decoder.feed(data)
            self._frames.extend(frame for frame in received if not isinstance(frame, Heartbeat))
        return self._frames.popleft()

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)


@asynccontextmanager
async def worker_by_hand(hub: Hub, name: str = "hand-1") -> AsyncIterator[tuple[Wire, Path]]:
    """Be a worker of a real hub; gives the wire and the folder for large blobs."""
    path = hub.door.address.removeprefix("unix:")
    wire = Wire(*await asyncio.open_unix_connection(path))
    try:
        wire.send(Hello(name, "image", hub.door.secret))
        welcome = await wire.next()
        assert isinstance(welcome, Welcome)
        yield wire, Path(welcome.spool)
    finally:
        await wire.close()


@asynccontextmanager
async def stage_by_hand(folder: Path, spool: str = "") -> AsyncIterator[Wire]:
    """Be the stage of a real worker, over TLS; gives the wire after hello and welcome."""
    callers: asyncio.Queue[Wire] = asyncio.Queue()
    certificate = new_certificate()
    server = await asyncio.start_server(
        lambda reader, writer: callers.put_nowait(Wire(reader, writer)),
        "127.0.0.1",
        ssl=server_context(certificate, folder),
    )
    port = server.sockets[0].getsockname()[1]
    door = Door(f"tls:127.0.0.1:{port}", "s3cret", certificate.public)
    task = asyncio.create_task(work(Orders(id="image-1", kind="image", door=door), BlobModel()))
    wire = await callers.get()
    try:
        assert isinstance(await wire.next(), Hello)
        wire.send(Welcome(spool))
        yield wire
    finally:
        await wire.close()
        await task
        server.close()
        await server.wait_closed()
