"""One life of a driver process, from its start to the last of the processes that it has started."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import psutil

from actors.workers.control import Command, Ready, Report, read_report, to_line
from actors.workers.errors import HostError, ProtocolError
from actors.workers.folder import private_folder
from config.logs import get_logger

log = get_logger(__name__)

ROOT = Path(__file__).resolve().parents[2]
"""Where our packages lie; a driver and its workers import from here."""

GCS_RECONNECT_S = 5
"""Ray's own default leaves a driver without its head for a minute."""

HEALTH = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "5",
}
"""When a local Ray takes its raylet for dead: after some 15 s in which it hangs, not 65, but not any sooner.
That a worker is lost is not noticed by this, but by our own connection."""

SWEEP_S = 5.0
LOG = "driver.log"
LAST_WORDS = 600
"""Characters of a driver's standard error that are worth telling when it ended."""


class DriverKind(msgspec.Struct, frozen=True):
    """Which driver to start: its module, further arguments and further environment."""

    module: str
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = {}


def process_driver() -> DriverKind:
    """Return the driver of plain processes."""
    return DriverKind("actors.workers.process_driver")


def ray_driver(address: str | None) -> DriverKind:
    """Return the driver of Ray actors, local by default. What Ray asks of its environment is always said."""
    environment = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_gcs_rpc_server_reconnect_timeout_s": str(GCS_RECONNECT_S),
    }
    if address is None:
        environment |= HEALTH | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    else:
        environment |= {"RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE", "disabled")}
    return DriverKind("actors.workers.ray_driver", ("--address", address or "local"), environment)


class Driver:
    """A running driver, as a child of a supervisor.

    It leads a session of its own: a terminal's Ctrl-C does not reach what it hosts.

    Attributes:
        alive: it takes commands.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        folder: Path,
        hear: Callable[[Report], None],
        gone: Callable[[], None],
    ) -> None:
        self.alive = True
        self._process = process
        self._folder = folder
        self._hear = hear
        self._gone = gone

    @classmethod
    async def start(
        cls, kind: DriverKind, hear: Callable[[Report], None], gone: Callable[[], None]
    ) -> "Driver":
        """Start the process and wait until it is ready.

        Args:
            kind: what to start.
            hear: gets the reports that come later.
            gone: called once, as soon as it has ended.

        Raises:
            HostError: it cannot be started, or ended before it was ready.
        """
        folder = private_folder()
        try:
            driver = cls(await _spawn(kind, folder), folder, hear, gone)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            raise
        try:
            await driver._ready()
        except BaseException:
            driver.kill()
            await driver._clear()
            raise
        return driver

    @property
    def pid(self) -> int:
        """The process, and the session of all that it has started."""
        return self._process.pid

    def tell(self, command: Command) -> None:
        """Give a command; a driver that is gone hears nothing."""
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(to_line(command))

    async def ended(self) -> HostError:
        """Pass reports on until the driver has ended, and clear away whatever it has left."""
        async for report in self._reports():
            self._hear(report)
        self.alive = False
        self._gone()
        error = HostError(f"The driver ended: {await asyncio.to_thread(self._last_words)}")
        await self._clear()
        return error

    async def stop(self) -> None:
        """Let the driver end all that it hosts."""
        self.alive = False
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()

    def kill(self) -> None:
        """End the driver; `ended` clears away what it hosts."""
        self.alive = False
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _ready(self) -> None:
        async for report in self._reports():
            if isinstance(report, Ready):
                return
        words = await asyncio.to_thread(self._last_words)
        raise HostError(f"The driver ended before it was ready: {words}")

    async def _reports(self) -> AsyncIterator[Report]:
        if self._process.stdout is None:
            return
        async for line in self._process.stdout:
            try:
                yield read_report(line)
            except ProtocolError:
                log.warning("driver_spoke_nonsense", pid=self.pid)

    async def _clear(self) -> None:
        self.alive = False
        if self._process.stdin is not None:
            self._process.stdin.close()
        await asyncio.to_thread(sweep, self.pid)
        await self._process.wait()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _last_words(self) -> str:
        try:
            return (self._folder / LOG).read_text(errors="replace")[-LAST_WORDS:].strip()
        except OSError:
            return ""


async def _spawn(kind: DriverKind, folder: Path) -> asyncio.subprocess.Process:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(folder)}
    try:
        with (folder / LOG).open("wb") as errors:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", kind.module, *kind.arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=os.environ | kind.environment | own,
                cwd=folder,
                start_new_session=True,
            )
    except OSError as error:
        raise HostError(f"No driver: {error}") from error


def sweep(session: int) -> None:
    """Kill every process of a session, and wait until they are gone. Blocks; for a thread."""
    deadline = time.monotonic() + SWEEP_S
    while (left := _members(session)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _members(session: int) -> list[int]:
    return [pid for pid in psutil.pids() if _is_member(pid, session)]


def _is_member(pid: int, session: int) -> bool:
    try:
        return os.getsid(pid) == session and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError, psutil.Error):
        return False
