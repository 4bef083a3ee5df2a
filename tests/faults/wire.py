"""The wire between the bot and Postgres, which can be cut, clogged, slow, or answered by a full server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Mode = Literal["open", "cut", "clogged", "lost", "slow", "full"]
SLOW_S = 0.15
TOO_MANY = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"


class Wire:
    """Passes bytes on as its mode says.

    Modes: `open`; `cut` breaks what is there and refuses what comes; `clogged` holds every byte back until
    later; `lost` swallows every byte, and what was connected then is dead for good; `slow` delays each piece;
    `full` breaks what is there and lets the server say that it has too many clients.
    """

    def __init__(self, socket_path: str) -> None:
        self._path = socket_path
        self._flows = asyncio.Event()
        self._flows.set()
        self._pairs: set[Pair] = set()
        self.mode: Mode = "open"

    def turn(self, mode: Mode) -> None:
        """Change the mode."""
        self.mode = mode
        if mode in {"cut", "full"}:
            for pair in tuple(self._pairs):
                pair.cut()
        if mode == "lost":
            for pair in self._pairs:
                pair.is_dead = True
        if mode == "clogged":
            self._flows.clear()
        else:
            self._flows.set()

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the bot."""
        if self.mode == "cut":
            writer.transport.abort()
            return
        if self.mode == "full":
            await refuse(reader, writer)
            return
        there_reader, there_writer = await asyncio.open_unix_connection(self._path)
        pair = Pair(writer, there_writer, is_dead=self.mode == "lost")
        self._pairs.add(pair)
        await asyncio.gather(self._pump(reader, there_writer, pair), self._pump(there_reader, writer, pair))
        self._pairs.discard(pair)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: "Pair") -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                if self.mode == "slow":
                    await asyncio.sleep(SLOW_S)
                if not pair.is_dead:
                    writer.write(data)
        writer.close()

    def end(self) -> None:
        """Break every connection."""
        self.turn("cut")


class Pair:
    """A connection of the bot and the one that stands for it at the server."""

    def __init__(self, here: asyncio.StreamWriter, there: asyncio.StreamWriter, *, is_dead: bool) -> None:
        self._writers = here, there
        self.is_dead = is_dead

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a client's first words as a server does that has no connection left."""
    length = int.from_bytes(await reader.readexactly(4), "big")
    await reader.readexactly(length - 4)
    writer.write(b"E" + (len(TOO_MANY) + 4).to_bytes(4, "big") + TOO_MANY)
    await writer.drain()
    writer.close()


@asynccontextmanager
async def wire_to(dsn: str) -> AsyncIterator[tuple[Wire, str]]:
    """Lead to the database of a Unix socket; yields the wire and the connection string that goes over it."""
    parts = urlsplit(dsn)
    wire = Wire(f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432")
    server = await asyncio.start_server(wire.join, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield wire, f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}?sslmode=disable"
    finally:
        wire.end()
        server.close()
        await server.wait_closed()
