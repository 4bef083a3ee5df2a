import asyncio
import concurrent.futures.thread  # noqa: F401 - another user may not be able to import it any more
import ctypes
import multiprocessing
import os
import pwd
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import asyncpg
import psutil
import pytest

from storage.embedded import EmbeddedPostgres
from storage.embedded.processes import postmaster_of, processes_of
from storage.errors import EmbeddedServerError

pytestmark = pytest.mark.service

BECOME_SUBREAPER = 36
"""From linux/prctl.h: orphaned descendants become children of this process."""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def in_child(act: Callable[[], str]) -> tuple[multiprocessing.Process, "Connection[str, str]"]:
    """Run `act` in a forked process, which then waits for a word before it ends; returns its answer's end."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()

    def run() -> None:
        try:
            theirs.send(act())
        except EmbeddedServerError as error:
            theirs.send(f"error: {error}")
        theirs.recv()

    process = fork.Process(target=run, daemon=True)
    process.start()
    return process, ours  # type: ignore[return-value]  # typeshed has one process class for each context


def answer(child: "tuple[multiprocessing.Process, Connection[str, str]]") -> str:
    process, pipe = child
    assert pipe.poll(60)
    said = pipe.recv()
    pipe.send("go on")
    process.join(30)
    return said


def become(uid: int) -> None:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


async def visit(home: Path) -> str:
    server = EmbeddedPostgres(home)
    connection = await asyncpg.connect(await server.start())
    answer = await connection.fetchval("select pg_postmaster_start_time()::text")
    await connection.close()
    return str(answer)


async def come_and_go(home: Path) -> str:
    server = EmbeddedPostgres(home)
    connection = await asyncpg.connect(await server.start())
    account = pwd.getpwuid(server.data.stat().st_uid).pw_name
    await connection.close()
    await server.stop()
    return account


async def test_eight_processes_that_start_one_fresh_folder_share_one_server(elsewhere: Path) -> None:
    home = elsewhere / "home"
    children = [in_child(lambda: asyncio.run(visit(home))) for _ in range(8)]
    starts = {await asyncio.to_thread(answer, child) for child in children}
    last = EmbeddedPostgres(home)
    await last.start()
    await last.stop()
    assert len(starts) == 1
    assert processes_of(home / "data") == []


def test_a_zombie_postmaster_does_not_block_the_next_start(elsewhere: Path) -> None:
    def act() -> str:
        ctypes.CDLL(None).prctl(BECOME_SUBREAPER, 1)
        return asyncio.run(outlive_a_zombie(elsewhere / "home"))

    assert answer(in_child(act)) == "zombie, then 1"


def wait_for_zombie(process: psutil.Process) -> None:
    while process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


async def outlive_a_zombie(home: Path) -> str:
    server = EmbeddedPostgres(home)
    await server.start()
    postmaster = postmaster_of(server.data)
    assert postmaster
    postmaster.kill()
    await asyncio.to_thread(wait_for_zombie, postmaster)
    connection = await asyncpg.connect(await server.start())
    said = f"{postmaster.status()}, then {await connection.fetchval('select 1')}"
    await connection.close()
    await server.stop()
    return said


@as_root
def test_an_ordinary_user_runs_its_own_server(elsewhere: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(elsewhere, nobody, -1)

    def act() -> str:
        become(nobody)
        return asyncio.run(come_and_go(elsewhere / "home"))

    assert answer(in_child(act)) == "nobody"


@as_root
def test_a_user_without_a_name_is_told_so(elsewhere: Path) -> None:
    os.chown(elsewhere, 54321, -1)

    def act() -> str:
        become(54321)
        return asyncio.run(come_and_go(elsewhere / "home"))

    assert "54321 has no entry in /etc/passwd" in answer(in_child(act))


@as_root
def test_somebody_elses_data_are_refused(elsewhere: Path) -> None:
    home = elsewhere / "home"
    asyncio.run(come_and_go(home))
    (home / "data").chmod(0o755)
    home.chmod(0o755)

    def act() -> str:
        become(pwd.getpwnam("games").pw_uid)
        return asyncio.run(come_and_go(home))

    assert "belongs to another user" in answer(in_child(act))


@as_root
def test_root_runs_the_server_as_the_owner_of_the_data(elsewhere: Path) -> None:
    home = elsewhere / "home"
    games = pwd.getpwnam("games").pw_uid
    os.chown(elsewhere, games, -1)

    def act() -> str:
        become(games)
        return asyncio.run(come_and_go(home))

    assert answer(in_child(act)) == "games"
    assert asyncio.run(come_and_go(home)) == "games"
