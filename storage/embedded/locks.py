"""File locks among processes that share one server; the kernel frees them when a process dies."""

import fcntl
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from storage.errors import EmbeddedServerError

POLL = 0.02


@contextmanager
def exclusive(path: Path, seconds: float, given_up: Callable[[], bool]) -> Generator[None, None, None]:
    """Hold the lock at `path` during the body.

    Raises:
        EmbeddedServerError: another process kept it for `seconds`, or `given_up` became true.
    """
    end = time.monotonic() + seconds
    with path.open("a") as file:
        while not _locked(file, fcntl.LOCK_EX):
            if given_up() or time.monotonic() > end:
                raise EmbeddedServerError(f"Another process has been starting or stopping Postgres: {path}")
            time.sleep(POLL)
        yield


class Membership:
    """A shared lock that says: I use this server. The last to leave may stop it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def join(self) -> None:
        """Become a user of the server; again is the same as once."""
        if self._file is None:
            self._file = self._path.open("a")
            fcntl.flock(self._file, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """Stop being a user; true when nobody else is one. Only inside the start lock."""
        if self._file is None:
            return False
        file, self._file = self._file, None
        with file:
            return _locked(file, fcntl.LOCK_EX)


def _locked(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
