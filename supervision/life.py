"""One incarnation of a child, from the delay before its start to its end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from config.logs import get_logger
from supervision.child import Child, Running
from supervision.errors import StartTimeoutError

log = get_logger(__name__)

KILL_GRACE_S = 5.0
"""Seconds that a killed child has to be gone before it is given up."""


class Life:
    """Starts a child, waits for its end, and stops it within its budget when told to.

    Attributes:
        child: what is run.
        incarnation: which time.
        running: the incarnation once it is up.
        stopping: it was told to stop, so its end is no failure.
    """

    def __init__(self, child: Child, incarnation: int, delay_s: float) -> None:
        self.child = child
        self.incarnation = incarnation
        self.running: Running | None = None
        self.stopping = False
        self._delay_s = delay_s
        self._stopper: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(
        self, up: Callable[["Life"], None], over: Callable[["Life", BaseException | None], None]
    ) -> None:
        """Run; `up` is called when it has started, `over` exactly once at the end."""
        self._task = asyncio.get_running_loop().create_task(
            self._run(up, over), name=f"child {self.child.name}"
        )

    async def _run(
        self, up: Callable[["Life"], None], over: Callable[["Life", BaseException | None], None]
    ) -> None:
        error: BaseException | None = None
        try:
            if self._delay_s > 0:
                await asyncio.sleep(self._delay_s)
            self.running = await self._start()
            up(self)
            error = await self.running.ended()
        except asyncio.CancelledError as cancelled:
            if not self.stopping and _is_cancelled_from_outside():
                raise
            error = cancelled
        except Exception as failure:  # noqa: BLE001 - whatever a child fails of is what it failed of
            error = failure
        if self._stopper is not None:
            self._stopper.cancel()
        over(self, None if self.stopping else error)

    async def _start(self) -> Running:
        deadline = asyncio.timeout(self.child.start_timeout_s)
        try:
            async with deadline:
                return await self.child.start()
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise StartTimeoutError(f"{self.child.name!r} did not start in time.").caused_by(error) from error

    def stop(self) -> None:
        """Ask it to end, kill it when its budget is spent, give it up when even that doesn't help."""
        if self.stopping or self._task is None:
            return
        self.stopping = True
        if self.running is None:
            self._task.cancel()
        else:
            self._stopper = asyncio.get_running_loop().create_task(self._stop(self.running, self._task))

    async def _stop(self, running: Running, task: "asyncio.Task[None]") -> None:
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.child.stop_budget_s):
                    await running.stop()
                    await asyncio.wait([task])
        except Exception as error:  # noqa: BLE001 - a child that can't be asked is killed
            log.warning("stop_failed", child=self.child.name, error=type(error).__name__)
        log.warning("child_killed", child=self.child.name, budget_s=self.child.stop_budget_s)
        running.kill()
        await asyncio.sleep(KILL_GRACE_S)
        log.error("child_unkillable", child=self.child.name)
        task.cancel()

    def kill(self) -> None:
        """End it without asking."""
        self.stopping = True
        if self.running is not None:
            self.running.kill()
        elif self._task is not None:
            self._task.cancel()


def _is_cancelled_from_outside() -> bool:
    """True when this task itself is cancelled; False when something that it waits for was."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
