"""The server's processes, found by program name and working folder, never by the pid file alone."""

import contextlib
import signal
import time
from pathlib import Path

import psutil

PID_FILE = "postmaster.pid"
POLL = 0.02
FORCE_S = 2


def processes_of(data: Path) -> list[psutil.Process]:
    """Return every live process of the server on `data`: each has that folder as its working folder."""
    found = psutil.process_iter(["name", "cwd"])
    return [process for process in found if process.info == {"name": "postgres", "cwd": str(data)}]


def postmaster_of(data: Path) -> psutil.Process | None:
    """Return the main server process; a stale pid file or a reused pid finds none."""
    try:
        pid = int((data / PID_FILE).read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return None
    return next((process for process in processes_of(data) if process.pid == pid), None)


def runs(process: psutil.Process) -> bool:
    """True while the process lives; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(data: Path, patience: float) -> None:
    """Stop the server on `data`: in order within `patience` seconds, then by force.

    Backends that outlived their postmaster would keep the next one from starting, so all must go.
    """
    if postmaster := postmaster_of(data):
        _signal([postmaster], signal.SIGINT, patience)
    for force in (signal.SIGQUIT, signal.SIGKILL):
        _signal(processes_of(data), force, FORCE_S)


def _signal(processes: list[psutil.Process], number: signal.Signals, patience: float) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    deadline = time.monotonic() + patience
    while any(map(runs, processes)) and time.monotonic() < deadline:
        time.sleep(POLL)  # psutil.wait_procs would wait for zombies too, which only their parent can end
