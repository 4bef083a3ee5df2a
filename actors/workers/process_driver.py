"""A driver that hosts workers as plain forked processes: `python -m actors.workers.process_driver`.

Everything a worker needs is imported once, before the first fork; a new worker is there within milliseconds.
The driver itself has neither threads nor an event loop, so forking it is safe.
"""

import gc
import os
import selectors
import signal
import sys
import time

from actors.workers.control import Create, Died, Kill, List, Listing, Ready, Report, read_command, to_line
from actors.workers.orders import Orders
from actors.workers.process import run

STOP_S = 3.0
"""How long workers may take to end by themselves."""

READ_SIZE = 64 * 1024


class ProcessDriver:
    """Forks, kills and reaps. `commands` and `reports` are file descriptors."""

    def __init__(self, commands: int, reports: int) -> None:
        self._commands = commands
        self._reports = reports
        self._pids: dict[int, str] = {}
        self._line = b""
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)

    def run(self) -> None:
        """Obey until the commands end, then end all workers."""
        signal.set_wakeup_fd(self._wake_write)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._say(Ready())
        with selectors.DefaultSelector() as selector:
            selector.register(self._commands, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if self._wake_read in ready:
                    os.read(self._wake_read, READ_SIZE)
                    self._reap()
                if self._commands in ready and not self._read():
                    break
        self._end_all()

    def _read(self) -> bool:
        """Obey what has come; False at the end of the commands."""
        data = os.read(self._commands, READ_SIZE)
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._obey(line)
        return bool(data)

    def _obey(self, line: bytes) -> None:
        match read_command(line):
            case Create(orders):
                self._fork(orders)
            case Kill(worker_id, _):
                for pid in [pid for pid, known in self._pids.items() if known == worker_id]:
                    os.kill(pid, signal.SIGKILL)
            case List():
                self._say(Listing(tuple(self._pids.values())))

    def _fork(self, orders: Orders) -> None:
        pid = os.fork()
        if pid == 0:
            self._become(orders)
        self._pids[pid] = orders.id

    def _become(self, orders: Orders) -> None:
        """Be a worker from here on; never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (self._commands, self._reports, self._wake_read, self._wake_write):
                os.close(descriptor)
            run(orders)
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        for pid in list(self._pids):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                self._say(Died(self._pids.pop(pid), f"exit code {code}"))

    def _end_all(self) -> None:
        """Let the workers end, as they do when the stage is gone; kill those that do not."""
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        while self._pids and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.01)
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)

    def _say(self, report: Report) -> None:
        try:
            os.write(self._reports, to_line(report))
        except BrokenPipeError:
            return


def main() -> None:
    """Obey the commands on standard input; whatever else is printed goes to standard error."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # uvloop leaves copies of our pipes open in its children
    commands, reports = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    gc.collect()
    gc.freeze()
    ProcessDriver(commands, reports).run()


if __name__ == "__main__":
    main()
