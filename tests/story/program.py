"""The shipped program and its neighbours as real processes."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psutil

from bench.rig import free_port
from config.settings import ENVIRONMENT

ROOT = Path(__file__).parents[2]
READY_S = 60.0
STOP_S = 25.0
Found = TypeVar("Found")


def wait_for(look: Callable[[], Found | None], within_s: float, what: str) -> Found:
    """Look again and again until something is found."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {within_s} s")


class Program:
    """`troupe run` with settings and a data folder of its own; nothing is inherited from this machine's.

    Attributes:
        home: its folder: `data` and `log.txt`.
        http: where the operators' port is.
    """

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o755)
        self.home = home
        self.http = f"127.0.0.1:{free_port()}"
        self._settings = {
            "TROUPE_DATA_DIR": str(home / "data"),
            "TROUPE_HTTP": self.http,
            "TROUPE_SANDBOX_HTTP": "127.0.0.1:0",
            "TROUPE_LOG_FORMAT": "json",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        console_script = Path(sys.executable).with_name("troupe")
        command = [str(console_script)] if console_script.exists() else [sys.executable, "-m", "bot"]
        known = set(ENVIRONMENT.values())
        inherited = {name: value for name, value in os.environ.items() if name not in known}
        with (self.home / "log.txt").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "run"],
                cwd=ROOT,
                env=inherited | self._settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_for_log("Troupe is ready")

    @property
    def log(self) -> str:
        """All that it has written."""
        return (self.home / "log.txt").read_text(encoding="utf-8", errors="replace")

    @property
    def url(self) -> str:
        """The address that it printed for a person to open."""
        found = re.search(r"open (http://\S+)", self.log)
        assert found is not None, self.log
        return found[1]

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return None if self._process is None else self._process.poll()

    def wait_for_log(self, words: str, within_s: float = READY_S, count: int = 1) -> None:
        """Wait until the log has these words so often; its end in the meantime is a failure."""

        def look() -> bool:
            assert self.exit_code is None, self.log
            return self.log.count(words) >= count

        wait_for(look, within_s, f"“{words}” in the log of {self.home}")

    def press_ctrl_c(self) -> float:
        """Do what a terminal does, and return the seconds until the program had ended."""
        return self._end(lambda process: os.killpg(process.pid, signal.SIGINT))

    def terminate(self) -> float:
        """Do what an orchestrator does, and return the seconds until the program had ended."""
        return self._end(lambda process: process.send_signal(signal.SIGTERM))

    def _end(self, ask: Callable[[subprocess.Popen[bytes]], None]) -> float:
        assert self._process is not None
        started = time.monotonic()
        ask(self._process)
        self._process.wait(STOP_S)
        return time.monotonic() - started

    def close(self) -> None:
        """End it, and whatever it left."""
        if self._process is not None and self.exit_code is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.terminate()
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()

    def processes(self) -> list[psutil.Process]:
        """Return everything alive that this program started, adopted or not: it knows its data folder."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        data = self._settings["TROUPE_DATA_DIR"]
        with contextlib.suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return process.environ().get("TROUPE_DATA_DIR") == data or data in " ".join(process.cmdline())
        return False


class Neighbour:
    """Another server as a process of its own, which says in one JSON line where it is."""

    def __init__(self, module: str, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        self.address: dict[str, Any] = msgspec.json.decode(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(STOP_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
