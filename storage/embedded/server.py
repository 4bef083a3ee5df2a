"""The embedded server's life: initialise, start or attach, wait through recovery, stop with the last user."""

import asyncio
import contextlib
import shutil
import threading
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psutil

from config.logs import get_logger
from config.settings import Settings
from storage.embedded.account import Account
from storage.embedded.binaries import Binaries, find_binaries
from storage.embedded.locks import Membership, exclusive
from storage.embedded.places import DATA, find_home, settle, socket_folder
from storage.embedded.processes import PID_FILE, end, postmaster_of, runs
from storage.errors import EmbeddedServerError

START_LOCK, USERS_LOCK = "start.lock", "users.lock"
ROLE = "troupe"
PORT = 5432
REFUGE = Path("/var/lib")
INITDB_S = 300
RECOVERY_S = 900
"""Longest wait for a start; recovery of 8.8 GB of write-ahead log took 19 s."""
STOP_S = 10
BIRTH_S = 5
PROGRESS_S = 5
LARGEST_LOG = 16_000_000
BUILTIN_SINCE = 17
BUILTIN_LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
PLAIN_LOCALE = ("--locale=C.UTF-8",)
"""Never the locale of the machine, which would change sorting; before version 17 the nearest to it."""
INCLUDE = "\ninclude 'troupe.conf'\n"
CONF = """\
listen_addresses = ''
port = {port}
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
timezone = 'UTC'
log_timezone = 'UTC'
dynamic_shared_memory_type = mmap
log_error_verbosity = terse
log_min_error_statement = panic
"""
"""Small /dev/shm breaks parallel queries, hence mmap; errors are logged without the values of rows."""

log = get_logger(__name__)


class EmbeddedPostgres:
    """One Postgres server on a data folder, shared by every process that starts it.

    It survives the death of its users and is found again by the next; `stop` ends it with its last user.
    When root runs this and the server's account cannot enter `home`, the data lies in `refuge`.

    Args:
        home: folder for the data, the locks and, if need be, a copy of the programs.
        pg_bin: folder of the Postgres programs; those of the wheel by default.
        refuge: where a home that cannot be used is moved to.
    """

    def __init__(self, home: Path, pg_bin: str | None = None, refuge: Path = REFUGE) -> None:
        self._wanted = home.expanduser().resolve()
        self._pg_bin = pg_bin
        self._refuge = refuge
        self._given_up = threading.Event()
        self._membership: Membership | None = None
        self._postmaster: psutil.Process | None = None
        self._home = self._wanted
        self._sockets = Path()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the server that these settings ask for."""
        return cls(settings.data_path / "postgres", settings.pg_bin)

    @property
    def data(self) -> Path:
        """The data folder; final only once started."""
        return self._home / DATA

    async def start(self) -> str:
        """Start the server or attach to it, and return a connection string; again is harmless.

        Raises:
            EmbeddedServerError: it cannot run here; the message says what to change.
        """
        self._given_up.clear()
        starting = asyncio.create_task(asyncio.to_thread(self._start))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._given_up.set()
            with contextlib.suppress(OSError, psutil.Error, EmbeddedServerError):
                await starting  # so that whoever stops it afterwards finds what it has become
            raise
        except (OSError, psutil.Error) as error:
            raise EmbeddedServerError(f"The embedded Postgres cannot start: {error}") from error

    async def stop(self) -> None:
        """Stop using the server, and stop it if nobody else uses it."""
        await asyncio.to_thread(self._stop)

    async def is_running(self) -> bool:
        """True while the server's main process lives."""
        return self._postmaster is not None and await asyncio.to_thread(runs, self._postmaster)

    def _start(self) -> str:
        self._home = find_home(self._wanted)
        account = Account.for_data(self.data)
        self._home = settle(self._home, account, self._refuge)
        for lock in (START_LOCK, USERS_LOCK):
            (self._home / lock).touch()
            account.take(self._home / lock, 0o600)
        with exclusive(self._home / START_LOCK, RECOVERY_S, self._given_up.is_set):
            binaries = find_binaries(self._pg_bin, account, self._home)
            self._initialise(binaries)
            self._sockets = sockets = socket_folder(self._home, account)
            account.write(self.data / "troupe.conf", CONF.format(port=PORT, sockets=sockets))
            if not self._attach(binaries, sockets):
                self._launch(binaries, sockets)
            self._join()
        return f"postgresql://{ROLE}@/postgres?host={quote(str(sockets), safe='')}&port={PORT}"

    def _initialise(self, binaries: Binaries) -> None:
        version = binaries.version()
        note = self._home / "made-by"
        if (self.data / "PG_VERSION").exists():
            self._check_major(version, note)
            return
        if self._membership is not None:
            raise EmbeddedServerError(
                f"The data in {self.data} went away while they were in use. Bring them back: the next start "
                "of Troupe would begin with an empty database."
            )
        fresh = self._home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        locale = BUILTIN_LOCALE if int(version.partition(".")[0]) >= BUILTIN_SINCE else PLAIN_LOCALE
        binaries.run(
            "initdb", "-D", fresh, "-U", ROLE, "-E", "UTF8", "--auth=trust", *locale, seconds=INITDB_S
        )
        conf = fresh / "postgresql.conf"
        binaries.account.write(conf, conf.read_text() + INCLUDE)
        fresh.rename(self.data)
        binaries.account.write(note, f"Postgres {version} in {binaries.folder}")
        log.info("database_created", data=str(self.data), version=version)

    def _check_major(self, version: str, note: Path) -> None:
        made = (self.data / "PG_VERSION").read_text().strip()
        if version.partition(".")[0] != made:
            by = note.read_text() if note.exists() else f"Postgres {made}"
            raise EmbeddedServerError(
                f"The data in {self.data} were made by {by}, and Postgres {version} cannot read them: set "
                "PG_BIN to the programs that made them, or export from there and import here."
            )

    def _attach(self, binaries: Binaries, sockets: Path) -> bool:
        """Return true if a healthy server of these programs runs; else make sure that none runs."""
        postmaster = postmaster_of(self.data)
        if postmaster and self._answers(binaries, sockets, postmaster):
            if postmaster.exe() == str(binaries.server.resolve()):
                return True
            log.info("database_programs_changed", program=str(binaries.server))
        if self._given_up.is_set():
            raise EmbeddedServerError("The start of Postgres was given up.")
        self._end()
        return False

    def _end(self) -> None:
        """Stop every process of the server and remove what a killed one leaves behind."""
        end(self.data, STOP_S)
        for stale in (self.data / PID_FILE, *self._sockets.glob(f".s.PGSQL.{PORT}*")):
            stale.unlink(missing_ok=True)

    def _launch(self, binaries: Binaries, sockets: Path) -> None:
        diary = self.data / "server.log"
        if diary.exists() and diary.stat().st_size > LARGEST_LOG:
            diary.replace(self.data / "server.log.1")
        binaries.run("pg_ctl", "start", "-W", "-D", self.data, "-l", diary)
        born_by = time.monotonic() + BIRTH_S
        while not (postmaster := postmaster_of(self.data)) and time.monotonic() < born_by:
            time.sleep(0.02)
        if not postmaster or not self._answers(binaries, sockets, postmaster):
            self._end()
            tail = diary.read_text(errors="replace")[-1000:]
            raise EmbeddedServerError(f"Postgres did not start; the end of {diary}: {tail}")

    def _answers(self, binaries: Binaries, sockets: Path, postmaster: psutil.Process) -> bool:
        """Wait until the server takes connections; false when it died or stays mute."""
        began = said = time.monotonic()
        while runs(postmaster) and not self._given_up.is_set():
            code, _ = binaries.attempt("pg_isready", "-q", "-h", sockets, "-p", str(PORT), "-U", ROLE)
            waited = time.monotonic() - began
            if code == 0:
                return True
            if waited > (RECOVERY_S if code == 1 else STOP_S):
                return False
            if time.monotonic() - said > PROGRESS_S:
                said = time.monotonic()
                log.info("database_recovering", seconds=round(waited))
            time.sleep(min(0.2, 0.01 + waited / 10))
        return False

    def _join(self) -> None:
        self._postmaster = postmaster_of(self.data)
        if self._membership is None:
            self._membership = Membership(self._home / USERS_LOCK)
        self._membership.join()

    def _stop(self) -> None:
        if self._membership is None:
            return
        with exclusive(self._home / START_LOCK, STOP_S, lambda: False):
            if self._membership.leave():
                self._end()
                with contextlib.suppress(OSError):  # somebody may have cleaned up before
                    self._sockets.rmdir()
                log.info("database_stopped", data=str(self.data))
            self._postmaster = None
