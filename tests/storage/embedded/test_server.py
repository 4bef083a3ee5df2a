import asyncio
import contextlib
import itertools
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from storage.embedded import EmbeddedPostgres
from storage.embedded import server as server_module
from storage.embedded.account import Account
from storage.embedded.binaries import find_binaries
from storage.embedded.locks import exclusive
from storage.embedded.processes import PID_FILE, postmaster_of, processes_of, runs
from storage.errors import EmbeddedServerError, StorageUnavailableError, storage_errors

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def initialised() -> Iterator[Path]:
    """A home whose server ran once and was stopped, to be copied."""
    with tempfile.TemporaryDirectory(prefix="troupe-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        asyncio.run(start_and_stop(EmbeddedPostgres(folder / "home")))
        yield folder / "home"


async def start_and_stop(server: EmbeddedPostgres) -> None:
    await server.start()
    await server.stop()


@pytest.fixture
def home(elsewhere: Path, initialised: Path) -> Path:
    copy = elsewhere / "a folder with spaces"
    subprocess.run(["cp", "-a", initialised, copy], check=True)
    return copy


@pytest.fixture
async def server(home: Path) -> AsyncIterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(home)
    yield made
    await made.stop()


async def ask(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextlib.contextmanager
def a_stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that has nothing to do with us."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def kill_postmaster(server: EmbeddedPostgres) -> psutil.Process:
    postmaster = postmaster_of(server.data)
    assert postmaster
    postmaster.kill()
    while runs(postmaster):
        pass
    return postmaster


async def test_what_was_written_is_there_after_stop_and_start(server: EmbeddedPostgres) -> None:
    await ask(await server.start(), "create table kept as select 41 + 1 as answer")
    await server.stop()
    assert await ask(await server.start(), "select answer from kept") == 42


async def test_a_stopped_server_leaves_no_process_and_no_socket(server: EmbeddedPostgres) -> None:
    await server.start()
    assert processes_of(server.data)
    await server.stop()
    assert processes_of(server.data) == []
    assert not server._sockets.exists()


async def test_starting_twice_and_stopping_twice_is_harmless(server: EmbeddedPostgres) -> None:
    assert await server.start() == await server.start()
    await server.stop()
    await server.stop()
    assert not await server.is_running()


async def test_stopping_what_never_started_is_harmless(server: EmbeddedPostgres) -> None:
    await server.stop()
    assert not await server.is_running()


async def test_the_last_user_stops_the_server(server: EmbeddedPostgres) -> None:
    dsn = await server.start()
    second = EmbeddedPostgres(server.data.parent)
    assert await second.start() == dsn
    await server.stop()
    assert await ask(dsn, "select 1") == 1
    await second.stop()
    assert processes_of(server.data) == []


async def test_sorting_does_not_depend_on_the_language_of_the_machine(server: EmbeddedPostgres) -> None:
    dsn = await server.start()
    assert (
        await ask(dsn, "select string_agg(c, '' order by c) from unnest(array['b','B','a','ä']) c") == "Babä"
    )
    assert await ask(dsn, "select lower('ÄÉŁ')") == "äéł"


async def test_only_its_own_account_reaches_the_socket(server: EmbeddedPostgres) -> None:
    dsn = await server.start()
    assert await ask(dsn, "show listen_addresses") == ""
    folder = Path(str(await ask(dsn, "show unix_socket_directories")))
    assert mode_of(folder) == 0o700
    assert len(str(folder / ".s.PGSQL.5432")) < 107


async def test_shared_memory_does_not_need_dev_shm(server: EmbeddedPostgres) -> None:
    assert await ask(await server.start(), "show dynamic_shared_memory_type") == "mmap"


async def test_rows_survive_a_kill_of_the_postmaster(server: EmbeddedPostgres) -> None:
    await ask(await server.start(), "create table kept as select generate_series(1, 1000) as n")
    kill_postmaster(server)
    assert not await server.is_running()
    assert await ask(await server.start(), "select count(*) from kept") == 1000


async def test_every_acknowledged_row_survives_a_kill_in_the_middle_of_writing(
    server: EmbeddedPostgres,
) -> None:
    dsn = await server.start()
    await ask(dsn, "create table kept (n int primary key)")
    writers = [asyncio.create_task(write_until_it_breaks(dsn, start)) for start in (0, 1_000_000)]
    await asyncio.sleep(0.3)
    kill_postmaster(server)
    for process in processes_of(server.data):
        process.kill()
    acknowledged = set(itertools.chain.from_iterable(await asyncio.gather(*writers)))
    connection = await asyncpg.connect(await server.start())
    kept = {row["n"] for row in await connection.fetch("select n from kept")}
    await connection.close()
    assert acknowledged
    assert acknowledged <= kept


async def write_until_it_breaks(dsn: str, start: int) -> list[int]:
    """Insert numbers from `start` on; return those whose commit was acknowledged."""
    connection = await asyncpg.connect(dsn)
    acknowledged: list[int] = []
    with contextlib.suppress(StorageUnavailableError), storage_errors("write"):
        for number in range(start, start + 1_000_000):
            await connection.execute("insert into kept values ($1)", number)
            acknowledged.append(number)
    connection.terminate()
    return acknowledged


async def test_a_backend_that_outlived_its_postmaster_does_not_block_the_start(
    server: EmbeddedPostgres,
) -> None:
    connection = await asyncpg.connect(await server.start())
    backend = psutil.Process(connection.get_server_pid())
    backend.suspend()
    kill_postmaster(server)
    assert await ask(await server.start(), "select 1") == 1
    assert not runs(backend)
    connection.terminate()


async def test_an_orphaned_server_is_found_again(server: EmbeddedPostgres) -> None:
    first = EmbeddedPostgres(server.data.parent)
    await first.start()
    postmaster = postmaster_of(first.data)
    assert first._membership
    first._membership.leave()  # as the kernel does when its user dies
    await server.start()
    assert postmaster == postmaster_of(server.data)


async def test_a_server_whose_pid_file_is_lost_is_replaced(server: EmbeddedPostgres) -> None:
    await server.start()
    lost = postmaster_of(server.data)
    server.data.joinpath(PID_FILE).unlink()
    assert await ask(await server.start(), "select 1") == 1
    assert lost
    assert not runs(lost)


async def test_a_reused_pid_is_left_alone(server: EmbeddedPostgres) -> None:
    await server.start()
    kill_postmaster(server)
    with a_stranger() as stranger:
        lines = (server.data / PID_FILE).read_text().splitlines()
        (server.data / PID_FILE).write_text("\n".join([str(stranger.pid), *lines[1:]]))
        await server.start()
        await server.stop()
        assert stranger.poll() is None


async def test_a_half_made_data_folder_is_made_anew(elsewhere: Path) -> None:
    half = elsewhere / "new home" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    server = EmbeddedPostgres(elsewhere / "new home")
    await start_and_stop(server)
    assert (server.data / "PG_VERSION").exists()
    assert not half.exists()


async def test_data_of_another_major_version_are_refused_with_the_programs_that_made_them(
    server: EmbeddedPostgres,
) -> None:
    await server.start()
    await server.stop()
    (server.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedServerError, match=r"made by Postgres 18\.\d+ in .*set PG_BIN"):
        await server.start()
    (server.data.parent / "made-by").unlink()
    with pytest.raises(EmbeddedServerError, match="made by Postgres 17"):
        await server.start()


async def test_a_server_that_cannot_start_says_why(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.start()
    await server.stop()
    monkeypatch.setattr(server_module, "BIRTH_S", 1)
    monkeypatch.setattr(server_module, "CONF", server_module.CONF + "no_such_parameter = 1\n")
    with pytest.raises(EmbeddedServerError, match="no_such_parameter"):
        await server.start()


async def test_a_big_server_log_is_put_aside(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.start()
    await server.stop()
    monkeypatch.setattr(server_module, "LARGEST_LOG", 10)
    await server.start()
    assert (server.data / "server.log.1").stat().st_size > 10


async def test_a_start_that_waits_for_another_can_be_given_up(server: EmbeddedPostgres) -> None:
    await server.start()
    second = EmbeddedPostgres(server.data.parent)
    with exclusive(server.data.parent / "start.lock", 1, lambda: False):
        starting = asyncio.create_task(second.start())
        await asyncio.sleep(0.1)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
    await second.stop()
    assert starting.cancelled()
    assert await server.is_running()


def with_slow_recovery(folder: Path, refusals: int) -> str:
    """Make a folder of programs whose pg_isready says `recovering` at first."""
    folder.mkdir()
    counter = folder / "asked"
    counter.write_text("")
    for path in (folder, counter):
        path.chmod(0o777)
    real = find_binaries(None, Account.for_data(folder / "none"), folder).folder
    for tool in ("initdb", "pg_ctl", "postgres"):
        (folder / tool).symlink_to(real / tool)
    script = f'#!/bin/sh\necho >> "{counter}"\n[ $(wc -l < "{counter}") -gt {refusals} ] || exit 1\n'
    (folder / "pg_isready").write_text(f'{script}exec "{real}/pg_isready" "$@"\n')
    (folder / "pg_isready").chmod(0o755)
    return str(folder)


async def test_a_recovering_server_is_waited_for_with_progress(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PROGRESS_S", 0.05)
    said: list[str] = []
    monkeypatch.setattr(server_module.log, "info", lambda event, **_fields: said.append(event))
    server = EmbeddedPostgres(elsewhere / "home", with_slow_recovery(elsewhere / "bin", 10))
    try:
        assert await ask(await server.start(), "select 1") == 1
        assert "database_recovering" in said
    finally:
        await server.stop()


async def cancel(task: "asyncio.Task[str]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def none_left(data: Path) -> None:
    deadline = time.monotonic() + 15
    while processes_of(data):
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_a_start_given_up_during_recovery_leaves_no_process(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recovering = threading.Event()
    monkeypatch.setattr(server_module, "PROGRESS_S", 0.05)
    monkeypatch.setattr(server_module.log, "info", lambda event, **_: tell(event, recovering))
    server = EmbeddedPostgres(elsewhere / "home", with_slow_recovery(elsewhere / "bin", 10_000))
    starting = asyncio.create_task(server.start())
    assert await asyncio.to_thread(recovering.wait, 15)
    await cancel(starting)
    await asyncio.to_thread(none_left, server.data)
    assert starting.cancelled()


async def test_giving_up_leaves_an_orphan_as_it_was(
    home: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recovering = threading.Event()
    monkeypatch.setattr(server_module, "PROGRESS_S", 0.05)
    monkeypatch.setattr(server_module.log, "info", lambda event, **_: tell(event, recovering))
    first = EmbeddedPostgres(home)
    await first.start()
    postmaster = postmaster_of(first.data)
    second = EmbeddedPostgres(home, with_slow_recovery(elsewhere / "bin", 10_000))
    starting = asyncio.create_task(second.start())
    assert await asyncio.to_thread(recovering.wait, 15)
    await cancel(starting)
    await first.start()
    assert postmaster == postmaster_of(first.data)
    await first.stop()


def tell(event: str, recovering: threading.Event) -> None:
    if event == "database_recovering":
        recovering.set()


async def test_a_recovery_without_end_is_given_up(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "RECOVERY_S", 0.5)
    server = EmbeddedPostgres(elsewhere / "home", with_slow_recovery(elsewhere / "bin", 10_000))
    with pytest.raises(EmbeddedServerError, match="did not start"):
        await server.start()
    assert processes_of(server.data) == []


async def test_data_that_went_away_are_not_replaced_by_an_empty_database(server: EmbeddedPostgres) -> None:
    await server.start()
    kill_postmaster(server)
    server.data.rename(server.data.with_name("elsewhere"))
    with pytest.raises(EmbeddedServerError, match="went away while they were in use"):
        await server.start()
    assert not server.data.exists()


async def test_an_unwritable_home_is_a_clear_error(elsewhere: Path) -> None:
    (elsewhere / "file").write_text("")
    with pytest.raises(EmbeddedServerError, match="cannot start"):
        await EmbeddedPostgres(elsewhere / "file" / "home").start()
