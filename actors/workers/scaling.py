"""Keeps a group of workers as large as its load asks for."""

import asyncio
import contextlib

from actors.workers.groups import Group
from actors.workers.host import WorkerHost
from actors.workers.hub import Hub
from config.logs import get_logger

log = get_logger(__name__)

LOOK_S = 0.25
"""How often the load is looked at."""


class Autoscaler:
    """Counts the streams of a kind and tells the host how many workers they need.

    Args:
        hub: knows the workers and their streams.
        host: starts workers, and lets go those too many when their streams have ended.
        kind: of the workers.
        group: decides.
    """

    def __init__(self, hub: Hub, host: WorkerHost, kind: str, group: Group) -> None:
        self._hub = hub
        self._host = host
        self._kind = kind
        self._group = group
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Want the fewest workers now, and more as load comes."""
        await self._host.ensure(self._kind, self._group.count)
        if not self._group.size.is_fixed:
            self._task = asyncio.create_task(self._run(), name=f"scale {self._kind}")

    async def stop(self) -> None:
        """Leave the group as it is. May be called twice."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await self._look()

    async def _look(self) -> None:
        links = [link for link in self._hub.links.values() if link.kind == self._kind]
        capacities = [link.hello.capacity for link in links if link.hello is not None]
        if not capacities:
            return
        streams = sum(len(link.streams) for link in links)
        before = self._group.count
        count = self._group.follow(streams, min(capacities))
        if count != before:
            log.info("group_resized", kind=self._kind, before=before, count=count, streams=streams)
            await self._host.ensure(self._kind, count)
