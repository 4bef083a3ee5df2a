"""Something that is opened and closed as a child."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from typing_extensions import override

from supervision.child import Branching, Child, Inspectable, Vitals
from supervision.policy import Restart
from supervision.task import TaskLife
from supervision.tree import Node


class ResourceLife(TaskLife):
    """An open resource: a task enters its context and leaves it when it is asked to stop.

    It leaves without being cancelled, for before Python 3.11.3 no time limit works in a cancelled task.
    """

    def __init__(self, resource: AbstractAsyncContextManager[object]) -> None:
        self._open: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._leave = asyncio.Event()
        super().__init__(self._hold(resource), self._look)

    async def _hold(self, resource: AbstractAsyncContextManager[object]) -> None:
        async with resource as opened:
            self._open.set_result(opened)
            await self._leave.wait()

    async def opened(self) -> None:
        """Wait until it is open; raises what opening it failed of."""
        await asyncio.wait([self._open, self._task], return_when=asyncio.FIRST_COMPLETED)
        if not self._open.done():
            self._task.result()

    @override
    async def stop(self) -> None:
        """Close it and wait until that is done; one that is not open yet is given up."""
        if not self._open.done():
            self._task.cancel()
        self._leave.set()
        await asyncio.wait([self._task])

    @property
    def _resource(self) -> Any:
        return self._open.result() if self._open.done() else None

    def _look(self) -> Vitals:
        return self._resource.vitals() if isinstance(self._resource, Inspectable) else Vitals()

    def snapshot(self) -> Node | None:
        """Return the tree of what was opened, if it has one."""
        return self._resource.snapshot() if isinstance(self._resource, Branching) else None


def resource_child(
    name: str,
    resource: Callable[[], AbstractAsyncContextManager[object]],
    *,
    restart: Restart = "permanent",
    start_timeout_s: float = 60.0,
    stop_budget_s: float = 5.0,
) -> Child:
    """Supervise something that is there from being opened until it is closed.

    Args:
        name: unique among its siblings.
        resource: makes the context of each incarnation; what it gives may tell its vitals or its own tree.
        restart: when it is opened again.
        start_timeout_s: seconds that opening may take.
        stop_budget_s: seconds that closing may take; then it is cancelled in the middle of it.
    """

    async def start() -> ResourceLife:
        life = ResourceLife(resource())
        try:
            await life.opened()
        except BaseException:
            await life.stop()
            raise
        return life

    return Child(
        name=name, start=start, restart=restart, start_timeout_s=start_timeout_s, stop_budget_s=stop_budget_s
    )
