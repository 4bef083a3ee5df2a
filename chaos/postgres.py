"""A Postgres of our own that can be killed."""

import asyncio
import os
import signal
from pathlib import Path

import psutil

from storage.embedded import EmbeddedPostgres


class Postgres:
    """A real server on a data folder below `home`."""

    def __init__(self, home: Path) -> None:
        self._server = EmbeddedPostgres(home)

    async def start(self) -> str:
        """Start it, also after a kill; returns its connection string.

        Raises:
            EmbeddedServerError: it cannot run here.
        """
        return await self._server.start()

    async def stop(self) -> None:
        """Stop it in order."""
        await self._server.stop()

    async def kill(self) -> None:
        """End all its processes without any notice."""
        pid = int((self._server.data / "postmaster.pid").read_text().split()[0])
        server = psutil.Process(pid)
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(psutil.wait_procs, processes, 5.0)
