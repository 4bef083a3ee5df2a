"""Keeps a group of workers as large as its load asks for."""

import asyncio
from collections.abc import Callable

from actors.workers.groups import Group
from actors.workers.host import WorkerHost
from actors.workers.hub import Hub
from actors.workers.llm import CAPACITY
from config.logs import get_logger

log = get_logger(__name__)

LOOK_S = 0.25
"""How often the load is looked at."""


class Autoscaler:
    """Looks at the load of a kind and tells the host how many workers it needs.

    Args:
        hub: knows how much each worker serves well.
        host: starts workers, and lets go those too many when their streams have ended.
        kind: of the workers.
        group: decides.
        load: counts the streams, wherever they run, and the requests that wait to become one.
    """

    def __init__(self, hub: Hub, host: WorkerHost, kind: str, group: Group, load: Callable[[], int]) -> None:
        self._hub = hub
        self._host = host
        self._kind = kind
        self._group = group
        self._load = load

    async def run(self) -> None:
        """Follow the load until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self._look()

    async def _look(self) -> None:
        hellos = [link.hello for link in self._hub.links.values() if link.kind == self._kind]
        capacity = min((hello.capacity for hello in hellos if hello), default=CAPACITY[self._kind])
        load, before = self._load(), self._group.count
        count = self._group.follow(load, capacity)
        if count != before:
            log.info("group_resized", kind=self._kind, before=before, count=count, load=load)
            await self._host.ensure(self._kind, count)
