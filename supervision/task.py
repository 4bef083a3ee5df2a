"""A coroutine as a child."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from supervision.child import Child, Vitals
from supervision.policy import Restart


class TaskLife:
    """A task that runs a coroutine; asking it to stop cancels it."""

    def __init__(self, work: Coroutine[Any, Any, object], vitals: Callable[[], Vitals] = Vitals) -> None:
        self._task = asyncio.get_running_loop().create_task(work)
        self._vitals = vitals

    async def ended(self) -> BaseException | None:
        """Wait for the coroutine; a cancelled one ended as it should."""
        await asyncio.wait([self._task])
        return None if self._task.cancelled() else self._task.exception()

    async def stop(self) -> None:
        """Cancel it and wait until its cleanup is done."""
        self._task.cancel()
        await asyncio.wait([self._task])

    def kill(self) -> None:
        """Cancel it."""
        self._task.cancel()

    def vitals(self) -> Vitals:
        """Tell what it says of itself."""
        return self._vitals()


def task_child(
    name: str,
    work: Callable[[], Coroutine[Any, Any, object]],
    *,
    vitals: Callable[[], Vitals] = Vitals,
    restart: Restart = "permanent",
    stop_budget_s: float = 5.0,
) -> Child:
    """Supervise a coroutine that runs for as long as it is wanted.

    Args:
        name: unique among its siblings.
        work: makes the coroutine of each incarnation.
        vitals: tells how it does.
        restart: when it is started again.
        stop_budget_s: seconds that it has to clean up after its cancellation.
    """

    async def start() -> TaskLife:
        return TaskLife(work(), vitals)

    return Child(name=name, start=start, restart=restart, stop_budget_s=stop_budget_s)
