"""The real stage as a process that may die at any place, with workers that may die before it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import aiohttp
import psutil

from bench.rig import free_port
from config.settings import ENVIRONMENT

ROOT = Path(__file__).parents[1]
STOP_S = 25.0
WORKERS_S = 60.0
LLM_WORKERS = 2


class Stage:
    """Starts, kills and stops `troupe run`. What it logs goes to `stage.log` below `home`.

    Args:
        home: a folder of its own.
        settings: its environment beside ours.
    """

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self._home = home
        self._settings = settings
        self._orders = home / "trigger.txt"
        self._process: asyncio.subprocess.Process | None = None
        self._port = 0

    async def start(self, trigger: str = "") -> None:
        """Start it, armed or not; returns before it is ready."""
        self.arm(trigger)
        self._port = free_port()
        known = {*ENVIRONMENT.values(), "TROUPE_TRIGGER"}
        environment = {name: value for name, value in os.environ.items() if name not in known}
        environment |= {
            "TROUPE_DATA_DIR": str(self._home / "data"),
            "TROUPE_HTTP": f"127.0.0.1:{self._port}",
            "TROUPE_LOG_FORMAT": "json",
            "TROUPE_TRIGGER": f"@{self._orders}",
            **self._settings,
        }
        with (self._home / "stage.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run"),
                cwd=ROOT,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def arm(self, trigger: str) -> None:
        """Let the running stage, or the next one, strike at a place; an empty text lets it live."""
        new = self._orders.with_suffix(".new")
        new.write_text(trigger)
        new.replace(self._orders)

    @property
    def is_alive(self) -> bool:
        """It runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process, dead or alive."""
        return self._started().pid

    async def died(self, within_s: float = STOP_S) -> int:
        """Wait until it is dead; returns its exit code, negative for a signal.

        Raises:
            TimeoutError: it lives on.
        """
        async with asyncio.timeout(within_s):
            return await self._started().wait()

    async def kill(self) -> None:
        """End it without any notice."""
        if self.is_alive:
            self._started().kill()
            await self.died()

    async def terminate(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; returns its exit code.

        Raises:
            TimeoutError: it did not stop in time.
        """
        self.signal(number)
        return await self.died()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._started().send_signal(number)

    async def workers_joined(self) -> None:
        """Wait until its workers are connected.

        Raises:
            TimeoutError: they did not come.
        """
        async with asyncio.timeout(WORKERS_S):
            while await self._connected() < LLM_WORKERS:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)

    def workers(self) -> list[int]:
        """Return the processes of its workers, oldest first."""
        below = psutil.Process(self.pid).children(recursive=True)
        return [process.pid for process in below if _is_worker(process)]

    async def _connected(self) -> float:
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self._port}/metrics") as answer,
            ):
                return _figure(await answer.text(), 'troupe_workers_connected{kind="llm"} ')
        except aiohttp.ClientError:
            return 0.0

    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("The stage was never started")
        return self._process


def ports_of(pids: Iterable[int]) -> dict[int, set[int]]:
    """Return the ports of each process's side of its TCP connections."""
    return {pid: set(_ports(pid)) for pid in pids}


def _ports(pid: int) -> Iterator[int]:
    with contextlib.suppress(psutil.Error):
        for one in psutil.Process(pid).net_connections("tcp"):
            if one.laddr:
                yield one.laddr.port


def _is_worker(process: psutil.Process) -> bool:
    """A Ray worker is named by Ray; a plain one is a fork of its driver."""
    try:
        command = " ".join(process.cmdline())
        parent = process.parent()
        above = " ".join(parent.cmdline()) if parent else ""
    except psutil.Error:
        return False
    is_fork = "process_driver" in command and "process_driver" in above
    return is_fork or command.startswith("ray::Worker")


def _figure(metrics: str, name: str) -> float:
    found = [line.removeprefix(name) for line in metrics.splitlines() if line.startswith(name)]
    return float(found[0]) if found else 0.0
