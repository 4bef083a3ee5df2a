"""The operating system account that runs the server: Postgres refuses to run as root."""

import os
import pwd
import stat
from pathlib import Path
from typing import Self, TypedDict

import msgspec

from storage.errors import EmbeddedServerError

PREFERRED = ("troupe", "nobody")
"""Accounts that root hands the server to, the dedicated one first."""


class Identity(TypedDict, total=False):
    """Whom a child process runs as; empty for ourselves."""

    user: int
    group: int
    extra_groups: list[int]


class Account(msgspec.Struct, frozen=True):
    """Who runs the server. `drops` is true when this process is root and gives its rights up for it."""

    uid: int
    gid: int
    drops: bool = False

    @classmethod
    def for_data(cls, data: Path) -> Self:
        """Choose the account: ourselves, or for root the owner of `data`, else an unprivileged one.

        Raises:
            EmbeddedServerError: nobody suitable exists, or `data` belongs to somebody else.
        """
        owner = data.stat() if data.exists() else None
        if os.geteuid() == 0:
            if owner and owner.st_uid != 0:
                return cls(owner.st_uid, owner.st_gid, drops=True)
            return cls(*_unprivileged(), drops=True)
        if owner and owner.st_uid != os.geteuid():
            raise EmbeddedServerError(
                f"{data} belongs to another user (uid {owner.st_uid}): run Troupe as that user, "
                "or set TROUPE_DATA_DIR to a folder of your own."
            )
        _check_named(os.geteuid())
        return cls(os.geteuid(), os.getegid())

    @property
    def identity(self) -> Identity:
        """Arguments of `subprocess.Popen` that make the child run as this account."""
        if not self.drops:
            return Identity()
        return Identity(user=self.uid, group=self.gid, extra_groups=[])

    def may_enter(self, folder: Path) -> bool:
        """True when this account can reach into `folder` through every one of its parents."""
        return all(self._may_search(part.stat()) for part in (folder, *folder.parents))

    def _may_search(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)

    def take(self, path: Path, mode: int) -> None:
        """Make `path` this account's own with the permissions `mode`."""
        if self.drops:
            os.chown(path, self.uid, self.gid)
        path.chmod(mode)

    def write(self, path: Path, text: str) -> None:
        """Write a private file of this account, whole or not at all."""
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text, encoding="utf-8")
        self.take(fresh, 0o600)
        fresh.replace(path)


def _unprivileged() -> tuple[int, int]:
    for name in PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise EmbeddedServerError(
        "Postgres does not run as root, and there is neither a user troupe nor nobody: "
        "create one (useradd --system troupe), or set DATABASE_URL."
    )


def _check_named(uid: int) -> None:
    try:
        pwd.getpwuid(uid)
    except KeyError as error:
        raise EmbeddedServerError(
            f"The user id {uid} has no entry in /etc/passwd, which Postgres needs: add one, "
            "run Troupe as a named user, or set DATABASE_URL."
        ) from error
