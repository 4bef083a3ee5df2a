import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from bot.local_discord import LocalDiscord, LocalDiscordError
from config.settings import Settings
from supervision.errors import EscalatedError
from supervision.policy import Backoff, Policy
from supervision.process import ProcessLife
from supervision.supervisor import Supervisor
from tests.bot.here import eventually

pytestmark = pytest.mark.discord

QUICK = Policy(intensity=2, backoff=Backoff(first_s=0.0), must_start=True)
PARENT = """
import asyncio, sys
from bot.local_discord import LocalDiscord
from config.settings import Settings
from supervision import Supervisor

async def main():
    local = LocalDiscord(Settings(data_dir=sys.argv[1], sandbox_http="127.0.0.1:0"))
    root = await Supervisor("root", [local.child()]).start()
    print(root.running("local discord").process.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def local(tmp_path: Path, unused_tcp_port: int) -> LocalDiscord:
    return LocalDiscord(Settings(data_dir=str(tmp_path), sandbox_http=f"127.0.0.1:{unused_tcp_port}"))


@pytest.fixture
async def root(local: LocalDiscord) -> AsyncIterator[Supervisor]:
    supervisor = await Supervisor("root", [local.child()], QUICK).start()
    yield supervisor
    await supervisor.stop()


def process_of(root: Supervisor) -> int | None:
    running = root.running("local discord")
    return running.process.pid if isinstance(running, ProcessLife) else None


async def answers(settings: Settings) -> bool:
    headers = {"Authorization": f"Bot {settings.discord_token}"}
    url = f"{settings.discord_api_url}/users/@me"
    try:
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            return answer.ok
    except aiohttp.ClientError:
        return False


@pytest.mark.usefixtures("root")
async def test_the_settings_point_to_it_when_it_runs(local: LocalDiscord) -> None:
    assert await answers(local.settings)
    assert local.settings.owner_id is not None
    assert local.settings.discord_gateway_url is not None


async def test_an_owner_that_was_set_stays(tmp_path: Path) -> None:
    local = LocalDiscord(Settings(data_dir=str(tmp_path), sandbox_http=":0", owner_id=7))

    root = await Supervisor("root", [local.child()]).start()
    await root.stop()

    assert local.settings.owner_id == 7


async def test_killed_it_comes_back_under_the_same_address_and_the_tree_shows_it(
    local: LocalDiscord, root: Supervisor
) -> None:
    settings = local.settings
    first = process_of(root)
    assert first is not None

    os.kill(first, signal.SIGKILL)
    await eventually(lambda: process_of(root) not in {None, first})

    assert await answers(settings)
    assert local.settings == settings
    assert [(node.state, node.restarts) for node in root.snapshot().children] == [("up", 1)]


async def test_one_that_cannot_come_back_is_given_up_with_its_reason(
    root: Supervisor, tmp_path: Path
) -> None:
    state = tmp_path / "sandbox"
    state.rename(tmp_path / "kept")
    state.write_text("not a folder")

    os.kill(process_of(root) or 0, signal.SIGKILL)
    error = await root.wait_failed()

    assert isinstance(error.origin, LocalDiscordError)
    assert "'local discord' failed" in str(error)


async def test_stopped_it_is_gone(local: LocalDiscord, root: Supervisor) -> None:
    process = process_of(root)
    assert process is not None

    await root.stop()

    assert not psutil.pid_exists(process)
    assert not await answers(local.settings)


async def test_one_that_does_not_listen_is_killed(
    local: LocalDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.local_discord.STOP_S", 0.1)
    root = await Supervisor("root", [local.child()]).start()
    process = process_of(root)
    assert process is not None
    os.kill(process, signal.SIGSTOP)

    await root.stop()

    assert not psutil.pid_exists(process)


async def test_a_port_that_is_taken_names_the_setting(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        local = LocalDiscord(Settings(data_dir=str(tmp_path), sandbox_http=address))

        with pytest.raises(EscalatedError) as error:
            await Supervisor("root", [local.child()], QUICK).start()

    assert "TROUPE_SANDBOX_HTTP" in str(error.value.origin)


async def test_it_ends_with_us_whatever_happens_to_us(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))

    parent.kill()
    await parent.wait()

    await eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
