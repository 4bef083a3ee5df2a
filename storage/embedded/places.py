"""Where the server's files lie: a home that its account can enter, and a private socket folder."""

import contextlib
import hashlib
import stat
from pathlib import Path

from config.logs import get_logger
from storage.embedded.account import Account
from storage.errors import EmbeddedServerError

SOCKETS = Path("/tmp")  # noqa: S108 - a socket's path is limited to 107 bytes; the folder made here is private
DATA = "data"
MOVED = "moved"

log = get_logger(__name__)


def find_home(wanted: Path) -> Path:
    """Return the folder that holds, or held so far, what `wanted` asks for.

    A server started by root cannot keep its data where its account may not enter, such as below /root.
    The data then lies in a refuge, and the link `moved` in the wanted folder points there.
    """
    pointer = wanted / MOVED
    if pointer.is_symlink():
        return pointer.readlink()
    wanted.mkdir(parents=True, exist_ok=True)
    return wanted


def settle(home: Path, account: Account, refuge: Path) -> Path:
    """Give `home` to the account, or a folder in `refuge` when the account cannot enter there.

    Raises:
        EmbeddedServerError: neither is possible.
    """
    if account.may_enter(home.parent):
        account.take(home, 0o700)
        return home
    if (home / DATA).exists():
        raise EmbeddedServerError(
            f"The user that owns {home / DATA} cannot enter it any more: open its parent folders for that "
            "user, or set TROUPE_DATA_DIR to a folder that it can enter."
        )
    return _move(home, account, refuge)


def _move(home: Path, account: Account, refuge: Path) -> Path:
    moved = refuge / f"troupe-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
    try:
        moved.mkdir(parents=True, exist_ok=True)
        account.take(moved, 0o700)
    except OSError as error:
        raise EmbeddedServerError(
            f"The user that runs Postgres (uid {account.uid}) cannot enter {home.parent}, and {moved} cannot "
            "be made instead: set TROUPE_DATA_DIR to a folder that every user can enter, such as /srv/troupe."
        ) from error
    if not account.may_enter(moved):
        raise EmbeddedServerError(f"The user that runs Postgres (uid {account.uid}) cannot enter {moved}.")
    (home / MOVED).symlink_to(moved)
    log.info("database_placed_elsewhere", wanted=str(home), used=str(moved), uid=account.uid)
    return moved


def socket_folder(home: Path, account: Account) -> Path:
    """Return the private folder of the server's socket; whoever can enter it is trusted as the owner.

    Raises:
        EmbeddedServerError: somebody else made a folder of that name.
    """
    status = home.stat()
    name = hashlib.sha256(f"{status.st_dev}:{status.st_ino}".encode()).hexdigest()[:12]
    folder = SOCKETS / f"troupe-{account.uid}-{name}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        account.take(folder, 0o700)
    found = folder.lstat()
    if found.st_uid != account.uid or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
        raise EmbeddedServerError(f"{folder} is not a private folder of uid {account.uid}: remove it.")
    return folder
