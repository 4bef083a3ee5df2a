"""A subprocess as a child."""

from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from contextlib import suppress

from supervision.child import Child
from supervision.errors import SupervisionError
from supervision.policy import Restart


class ProcessFailedError(SupervisionError):
    """A subprocess ended with an exit code other than 0."""


class ProcessLife:
    """A running subprocess: SIGTERM asks it to stop, SIGKILL ends it."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def ended(self) -> BaseException | None:
        """Wait for its exit; every code but 0 is a failure."""
        code = await self.process.wait()
        return None if code == 0 else ProcessFailedError(f"exit code {code}")

    async def stop(self) -> None:
        """Send SIGTERM and wait for its exit."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        await self.process.wait()

    def kill(self) -> None:
        """Send SIGKILL."""
        with suppress(ProcessLookupError):
            self.process.kill()


def process_child(
    name: str,
    launch: Callable[[], Awaitable[Process]],
    *,
    ready: Callable[[Process], Awaitable[None]] | None = None,
    restart: Restart = "permanent",
    start_timeout_s: float = 10.0,
    stop_budget_s: float = 5.0,
) -> Child:
    """Supervise a program.

    Args:
        name: unique among its siblings.
        launch: starts it, e.g. `lambda: asyncio.create_subprocess_exec(*command, env=env)`.
        ready: returns when the program is of use; the start of the process counts without it.
        restart: when it is started again.
        start_timeout_s: seconds until it must be ready.
        stop_budget_s: seconds between SIGTERM and SIGKILL.
    """

    async def start() -> ProcessLife:
        life = ProcessLife(await launch())
        try:
            if ready is not None:
                await ready(life.process)
        except BaseException:
            life.kill()
            await life.process.wait()
            raise
        return life

    return Child(
        name=name, start=start, restart=restart, start_timeout_s=start_timeout_s, stop_budget_s=stop_budget_s
    )
