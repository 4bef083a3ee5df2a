"""Private folders, short-named, and none left behind by a process that was killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

SOCKET_LIMIT = 107
"""Bytes that Linux allows in the path of a Unix socket."""

MARK = "stage-"
"""A folder with this in its name belongs to whoever holds a lock on it; without a lock it is a leftover."""

LONGEST = len(MARK) + len("/hub")


def private_folder() -> Path:
    """Make a folder that only we can enter, with a name short enough for the sockets inside."""
    folder = Path(tempfile.mkdtemp(prefix="troupe-"))
    if len(str(folder)) + LONGEST <= SOCKET_LIMIT:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="troupe-", dir="/tmp"))


class OwnFolder:
    """A private folder that goes with its process: at `remove`, else at the next start of another one."""

    def __init__(self) -> None:
        fresh = private_folder()
        self._lock = os.open(fresh, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = fresh.with_name(fresh.name.replace("-", f"-{MARK}", 1))
        fresh.rename(self.path)

    def remove(self) -> None:
        """Remove it with all that is inside."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    def remove_leftovers(self) -> None:
        """Remove the folders beside this one whose processes were killed. Blocks; for a thread."""
        for folder in self.path.parent.glob(f"troupe-{MARK}*"):
            with contextlib.suppress(OSError):  # it is in use, or somebody else's
                _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
