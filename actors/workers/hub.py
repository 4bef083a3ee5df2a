"""Where workers dial in: a private Unix socket, and TCP with TLS for workers on other hosts."""

import asyncio
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from actors.workers.certificate import new_certificate, server_context
from actors.workers.disk import on_disk
from actors.workers.folder import OwnFolder
from actors.workers.frames import HEARTBEAT_S, Hello
from actors.workers.link import WorkerLink
from actors.workers.orders import Door
from actors.workers.shelf import Shelf
from config import metrics
from config.logs import get_logger

log = get_logger(__name__)

NAME_S = 5.0
"""How long the look-up of a name may take."""


class Departure(msgspec.Struct, frozen=True):
    """A worker that is connected no more. `reason` is `eof`, `silent`, `protocol` or who closed it."""

    hello: Hello
    reason: str


class Hub:
    """Listens, knows the workers that are connected, and tells of those that come and go.

    It is to be opened by `start`, kept alive by a task that runs `beat`, and closed by `stop`.

    Args:
        towards: listen on TCP with TLS, where this host reaches us, instead of a Unix socket.
    """

    def __init__(self, towards: str | None = None) -> None:
        self.on_join: list[Callable[[Hello], None]] = []
        self.on_loss: list[Callable[[Departure], None]] = []
        self.links: dict[str, WorkerLink] = {}
        self._strangers: set[WorkerLink] = set()
        self._towards = towards
        self._secret = secrets.token_urlsafe(32)
        self._folder: OwnFolder | None = None
        self._server: asyncio.Server | None = None
        self._door: Door | None = None

    @property
    def door(self) -> Door:
        """How to get in; known once the hub has started."""
        if self._door is None:
            raise RuntimeError("The hub has not started")
        return self._door

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the socket cannot be made, or the way to the other host cannot be found.
        """
        self._folder = OwnFolder()
        await on_disk(self._folder.remove_leftovers)
        if self._towards is None:
            await self._listen_unix(self._folder.path)
        else:
            await self._listen_tls(self._folder.path, await own_address(self._towards))

    async def stop(self) -> None:
        """Close every connection, which also ends the workers, and stop listening. May be called twice."""
        for link in [*self.links.values(), *self._strangers]:
            link.close("stopped")
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        if self._folder is not None:
            folder, self._folder = self._folder, None
            await on_disk(folder.remove)

    async def beat(self) -> None:
        """Let every connection beat its heart until cancelled; it is what notices workers that are silent."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for link in [*self.links.values(), *self._strangers]:
                link.beat()

    def of_kind(self, kind: str) -> list[WorkerLink]:
        """Return the workers of a kind that take new streams."""
        return [link for link in self.links.values() if link.kind == kind and not link.retiring]

    def retire(self, worker_id: str) -> None:
        """Give a worker nothing more, and close its connection when its streams have ended."""
        if (link := self.links.get(worker_id)) is not None:
            link.retire()

    def drop(self, worker_id: str, reason: str) -> None:
        """Close the connection to a worker, if there is one; it ends by itself then."""
        if (link := self.links.get(worker_id)) is not None:
            link.close(reason)

    def welcome(self, link: WorkerLink, hello: Hello) -> None:
        """Take a worker in; an older connection under the same id is closed."""
        self._strangers.discard(link)
        if (old := self.links.get(hello.id)) is not None:
            old.close("replaced")
        link.shelf.open()
        self.links[hello.id] = link
        metrics.workers_connected.labels(hello.kind).set(len(self.of_kind(hello.kind)))
        log.info("worker_joined", worker=hello.id, kind=hello.kind, pid=hello.pid)
        for listener in self.on_join:
            listener(hello)

    def farewell(self, link: WorkerLink, reason: str) -> None:
        """Forget a worker and tell who listens."""
        self._strangers.discard(link)
        link.shelf.clear()
        hello = link.hello
        if hello is None or self.links.get(hello.id) is not link:
            return
        del self.links[hello.id]
        metrics.workers_connected.labels(hello.kind).set(len(self.of_kind(hello.kind)))
        metrics.worker_losses.labels(hello.kind, reason).inc()
        log.info("worker_left", worker=hello.id, kind=hello.kind, reason=reason)
        for listener in self.on_loss:
            listener(Departure(hello, reason))

    def _accept(self, folder: Path) -> WorkerLink:
        shelf = Shelf(folder / secrets.token_hex(8), shared=self._towards is None)
        link = WorkerLink(self, self._secret, shelf)
        self._strangers.add(link)
        return link

    async def _listen_unix(self, folder: Path) -> None:
        path = folder / "hub"
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: self._accept(folder), str(path))
        path.chmod(0o600)
        self._door = Door(f"unix:{path}", self._secret)

    async def _listen_tls(self, folder: Path, host: str) -> None:
        certificate = new_certificate()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: self._accept(folder), host, 0, ssl=server_context(certificate, folder)
        )
        port = self._server.sockets[0].getsockname()[1]
        self._door = Door(f"tls:{host}:{port}", self._secret, certificate.public)


async def own_address(towards: str) -> str:
    """Return the address (IPv4) by which another host reaches this one.

    Raises:
        OSError: its name is unknown, or there is no way to it.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(NAME_S):
        found = await loop.getaddrinfo(towards, 9, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.0)
        probe.connect(found[0][4])  # sends nothing, chooses a route
        return str(probe.getsockname()[0])
