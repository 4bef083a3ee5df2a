import asyncio
import io
import json
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import aiohttp
import discord
import msgspec
import pytest

from sandbox.assets import Asset
from sandbox.errors import StateUnreadableError
from sandbox.people import Person
from sandbox.saving import FILE, open_world
from sandbox.server import Sandbox
from sandbox.store import Change, Store
from sandbox.world import World
from tests.sandbox.conftest import Running, new_client, point_at
from tests.sandbox.test_interactions import build_tree

pytestmark = pytest.mark.discord


def test_the_first_run_is_the_same_everywhere() -> None:
    one, two = World.fresh(), World.fresh()
    assert (one.people, one.bot_id, one.guild_id) == (two.people, two.bot_id, two.guild_id)
    assert one.owner_id == one.people[0]
    assert one.user_payload(one.owner_id)["global_name"] == "Ada"


async def test_everything_is_there_again_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, saver = await open_world(tmp_path)
    box = Sandbox(world, page=False)
    running = Running(box, await box.start())
    point_at(running.address, monkeypatch)
    client = new_client()
    tree = build_tree(client)
    await running.login(client)
    await tree.sync()
    channel = client.get_channel(running.stage)
    webhook = await channel.create_webhook(name="Company")
    posted = await webhook.send(
        "before", username="Kay", wait=True, file=discord.File(io.BytesIO(b"x"), "x.txt")
    )
    gone = running.ada().send(running.stage, "gone")
    running.ada().delete(running.stage, int(gone["id"]))
    running.bjorn().react(running.stage, posted.id, "👏")
    dm = running.bjorn().open_dm()
    await running.close()
    await saver.close()

    again, saver = await open_world(tmp_path)
    second = Sandbox(again, page=False)
    address = await second.start()
    messages = again.messages(running.stage)
    assert [(m["author"]["username"], m["content"]) for m in messages] == [("Kay", "before")]
    assert messages[0]["reactions"][0]["count"] == 1
    assert again.state.webhooks[webhook.id].token == webhook.token
    assert again.state.find_command("channel", None) is not None
    assert Person(again, running.bjorn().id).open_dm()["id"] == dm["id"]
    url = messages[0]["attachments"][0]["url"]
    assert url.startswith(address.url)
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert await answer.read() == b"x"
    await second.stop()
    await saver.close()


async def test_changes_are_on_disk_within_a_second(tmp_path: Path) -> None:
    world, saver = await open_world(tmp_path)
    saver.start()
    Person(world, world.owner_id).send(world.channel("stage"), "remember me")
    await asyncio.sleep(1.0)
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        assert db.execute("SELECT count(*) FROM message").fetchone() == (1,)
    await saver.close()


async def test_a_damaged_file_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all, however long this text may be" * 100)
    with pytest.raises(StateUnreadableError):
        await open_world(tmp_path)


async def start_process(*options: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox",
        "--port",
        "0",
        "--no-page",
        *options,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | environment,
    )


async def first_line(process: asyncio.subprocess.Process) -> dict[str, object]:
    assert process.stdout is not None
    async with asyncio.timeout(15):
        line: dict[str, object] = json.loads(await process.stdout.readline())
    return line


@pytest.mark.parametrize("ending", ["sigterm", "stdin"])
async def test_the_process_says_where_it_is_and_ends_cleanly(tmp_path: Path, ending: str) -> None:
    process = await start_process("--data-dir", str(tmp_path), "--token", "t0ken", "--follow-stdin")
    said = await first_line(process)
    headers = {"Authorization": "Bot t0ken"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{said['api']}/users/@me", headers=headers) as me,
    ):
        assert (await me.json())["id"] == str(said["bot_id"])
    if ending == "sigterm":
        process.send_signal(signal.SIGTERM)
    else:
        close_stdin(process)
    await process.communicate()
    assert process.returncode == 0
    assert (tmp_path / FILE).exists()


async def test_a_taken_port_is_said_and_ends_with_1() -> None:
    first = await start_process("--follow-stdin")
    port = str(first_port(await first_line(first)))
    second = await start_process("--port", port)
    _, errors = await second.communicate()
    close_stdin(first)
    await first.communicate()
    assert second.returncode == 1
    assert b"cannot start" in errors


def close_stdin(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()


def first_port(said: dict[str, object]) -> int:
    return int(str(said["url"]).rsplit(":", 1)[1])


async def test_other_processes_drive_faults_limits_and_the_ledger(sandbox: Running) -> None:
    url = f"{sandbox.address.url}/sandbox"
    headers = {"Authorization": f"Bearer {sandbox.address.secret}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        fault = {"kind": "status", "status": 503, "times": None}
        async with session.post(f"{url}/faults", json=fault) as answer:
            added = (await answer.json())["id"]
        async with session.get(f"{url}/faults") as answer:
            assert [f["id"] for f in (await answer.json())["script"]] == [added]
        async with session.delete(f"{url}/faults/{added}") as answer:
            assert sandbox.box.faults.script == []
        async with session.put(f"{url}/limits", json={"global": {"requests": 9, "seconds": 1}}) as answer:
            assert (await answer.json())["global"] == {"requests": 9, "seconds": 1.0}
        sandbox.ada().send(sandbox.stage, "noted")
        async with session.get(f"{url}/ledger", params={"channel_id": sandbox.stage}) as answer:
            assert [e["content"] for e in (await answer.json())["entries"]] == ["noted"]
        async with session.delete(f"{url}/ledger"), session.delete(f"{url}/faults"):
            assert list(sandbox.box.ledger.entries) == []
        async with session.post(f"{url}/faults", json={"kind": "nonsense"}) as answer:
            assert answer.status == 400
        async with session.get(f"{url}/gaps") as answer:
            assert await answer.json() == []
        async with session.get(f"{url}/limits") as answer:
            assert answer.status == 200


async def test_the_admin_routes_ask_for_the_secret(sandbox: Running) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{sandbox.address.url}/sandbox/faults") as answer,
    ):
        assert answer.status == 401


async def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    _, saver = await open_world(tmp_path)
    await saver.close()
    store = Store(tmp_path / FILE)
    snapshot = store.load()
    assert snapshot is not None
    snapshot.version = 99
    store.save(Change(snapshot=msgspec.msgpack.encode(snapshot)))
    store.close()
    with pytest.raises(StateUnreadableError):
        await open_world(tmp_path)


async def test_what_could_not_be_saved_is_saved_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, saver = await open_world(tmp_path)
    stage = world.channel("stage")

    def full(_self: Store, _change: Change) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "_write", full)
        Person(world, world.owner_id).send(stage, "survive", files=[("a.txt", b"a")])
        await saver.flush()
    await saver.close()
    again, saver = await open_world(tmp_path)
    message = again.messages(stage)[0]
    assert message["content"] == "survive"
    key = message["attachments"][0]["url"].split("/cdn/")[1]
    assert again.load_asset is not None
    assert await again.load_asset(key) == Asset("text/plain", b"a")
    await saver.close()


async def test_saved_files_leave_memory_when_there_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.assets.CACHE_BYTES", 10)
    world, saver = await open_world(tmp_path)
    ada, stage = Person(world, world.owner_id), world.channel("stage")
    sent = [ada.send(stage, files=[(f"{n}.txt", bytes(8))]) for n in range(3)]
    await saver.flush()
    await saver.flush()
    keys = [message["attachments"][0]["url"].split("/cdn/")[1] for message in sent]
    assert [world.assets.held(key) is None for key in keys] == [True, True, False]
    assert world.load_asset is not None
    assert await world.load_asset(keys[0]) == Asset("text/plain", bytes(8))
    await saver.close()


async def test_other_processes_speak_as_people_and_make_channels(sandbox: Running) -> None:
    url = f"{sandbox.address.url}/sandbox"
    headers = {"Authorization": f"Bearer {sandbox.address.secret}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{url}/world") as answer:
            world = await answer.json()
        async with session.post(f"{url}/channels", json={"name": "foyer"}) as answer:
            channel = (await answer.json())["id"]
        said = {"user_id": next(iter(world["people"])), "channel_id": channel, "content": "hello"}
        async with session.post(f"{url}/messages", json=said) as answer:
            assert (await answer.json())["author"]["global_name"] == "Ada"
        async with session.post(f"{url}/messages", json=said | {"user_id": world["bot_id"]}) as answer:
            assert answer.status == 400
    assert sandbox.world.channel("foyer") == int(channel)
