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
from tests.bot.here import eventually

pytestmark = pytest.mark.discord

PARENT = """
import asyncio, sys
from bot.local_discord import LocalDiscord
from config.settings import Settings

async def main():
    local = LocalDiscord(Settings(data_dir=sys.argv[1], sandbox_http="127.0.0.1:0"))
    await local.start()
    print(local._process.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.local_discord.RESTART_PAUSE_S", 0.02)


@pytest.fixture
async def local(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[LocalDiscord]:
    discord = LocalDiscord(Settings(data_dir=str(tmp_path), sandbox_http=f"127.0.0.1:{unused_tcp_port}"))
    yield discord
    await discord.stop()


def process_of(local: LocalDiscord) -> int:
    assert local._process is not None
    return local._process.pid


async def answers(settings: Settings) -> bool:
    headers = {"Authorization": f"Bot {settings.discord_token}"}
    url = f"{settings.discord_api_url}/users/@me"
    try:
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            return answer.ok
    except aiohttp.ClientError:
        return False


async def test_the_settings_point_to_it_when_it_runs(local: LocalDiscord) -> None:
    settings = await local.start()

    assert await answers(settings)
    assert settings.owner_id is not None
    assert settings.discord_gateway_url is not None


async def test_an_owner_that_was_set_stays(tmp_path: Path) -> None:
    local = LocalDiscord(Settings(data_dir=str(tmp_path), sandbox_http=":0", owner_id=7))

    settings = await local.start()
    await local.stop()

    assert settings.owner_id == 7


async def test_killed_it_comes_back_under_the_same_address(local: LocalDiscord) -> None:
    settings = await local.start()
    first = process_of(local)

    os.kill(first, signal.SIGKILL)

    await eventually(lambda: process_of(local) != first)
    await eventually(lambda: answers(settings))


async def test_it_is_tried_again_while_it_cannot_come_back(local: LocalDiscord, tmp_path: Path) -> None:
    settings = await local.start()
    first = process_of(local)
    state = tmp_path / "sandbox"
    kept = tmp_path / "kept"
    state.rename(kept)
    state.write_text("not a folder")

    os.kill(first, signal.SIGKILL)
    await eventually(lambda: process_of(local) != first)
    failed = process_of(local)
    await eventually(lambda: process_of(local) != failed)
    state.unlink()
    kept.rename(state)

    await eventually(lambda: answers(settings))


async def test_stopped_it_is_gone(local: LocalDiscord) -> None:
    settings = await local.start()
    process = process_of(local)

    await local.stop()

    assert not psutil.pid_exists(process)
    assert not await answers(settings)


async def test_one_that_does_not_listen_is_killed(
    local: LocalDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.local_discord.STOP_S", 0.1)
    await local.start()
    os.kill(process_of(local), signal.SIGSTOP)

    await local.stop()

    assert not psutil.pid_exists(process_of(local))


async def test_a_port_that_is_taken_names_the_setting(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        local = LocalDiscord(Settings(data_dir=str(tmp_path), sandbox_http=address))

        with pytest.raises(LocalDiscordError, match="TROUPE_SANDBOX_HTTP"):
            await local.start()


async def test_before_its_start_there_is_nothing_to_stop(tmp_path: Path) -> None:
    local = LocalDiscord(Settings(data_dir=str(tmp_path)))

    await local.stop()

    assert local._process is None


async def test_it_ends_with_us_whatever_happens_to_us(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))

    parent.kill()
    await parent.wait()

    await eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
