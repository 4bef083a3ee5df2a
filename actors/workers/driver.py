"""One life of a driver process, from its start to the last of the processes that it has started."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import psutil

from actors.workers.control import Command, Report, read_report, to_line
from actors.workers.errors import HostError, ProtocolError
from actors.workers.hub import private_folder
from config.logs import get_logger

log = get_logger(__name__)

ROOT = Path(__file__).resolve().parents[2]
"""Where our packages lie; a driver and its workers import from here."""

GCS_RECONNECT_S = 5
"""Ray's own default leaves a driver without its head for a minute."""

SWEEP_S = 5.0


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
        environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    else:
        environment |= {"RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE", "disabled")}
    return DriverKind("actors.workers.ray_driver", ("--address", address or "local"), environment)


class Driver:
    """A running driver. It leads a session of its own: a terminal's Ctrl-C does not reach what it hosts."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder

    @classmethod
    async def start(cls, kind: DriverKind) -> "Driver":
        """Start the process; it says `Ready` when it is.

        Raises:
            HostError: the process cannot be started.
        """
        folder = private_folder()
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        own = {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(folder)}
        try:
            with (folder / "driver.log").open("wb") as errors:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", kind.module, *kind.arguments),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=errors,
                    env=os.environ | kind.environment | own,
                    start_new_session=True,
                )
        except OSError as error:
            raise HostError(f"No driver: {error}") from error
        return cls(process, folder)

    def tell(self, command: Command) -> None:
        """Give a command; a driver that is gone hears nothing."""
        if self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(to_line(command))

    async def reports(self) -> AsyncIterator[Report]:
        """Yield what the driver reports, until it ends."""
        if self._process.stdout is None:
            return
        async for line in self._process.stdout:
            try:
                yield read_report(line)
            except ProtocolError:
                log.warning("driver_spoke_nonsense", pid=self._process.pid)

    async def end(self, within_s: float) -> None:
        """Let the driver end all it hosts, then make sure that nothing is left. Safe to call at any time."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._process.wait()
        await asyncio.to_thread(sweep, self._process.pid)
        await self._process.wait()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def last_words(self) -> str:
        """Return the end of what the driver and its children wrote to standard error."""
        try:
            return (self._folder / "driver.log").read_text(errors="replace")[-1000:]
        except OSError:
            return ""


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
