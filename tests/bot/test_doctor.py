import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from actors.models.choice import SavedChoice
from bot import doctor
from bot.cli import main
from bot.examination import discord_part, place_parts, workers_part
from bot.model_choice import KEY, SCOPE
from bot.operators import Health, OperatorServer, control_token
from config.errors import TroupeError
from config.settings import Settings
from storage.stores import Stores
from supervision.tree import Node
from tests.bot.here import Discord
from tests.scripted_model import Reply, ScriptedModel, html

pytestmark = pytest.mark.discord

PARTS = ["python", "data", "discord", "workers", "storage", "model"]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(Reply(text="Good evening.")) as scripted:
        yield scripted


@pytest.fixture
def settings(database_dsn: str, tmp_path: Path, server: ScriptedModel) -> Settings:
    return Settings(database_url=database_dsn, data_dir=str(tmp_path), llm_base_url=server.base_url)


async def examined(settings: Settings) -> dict[str, Health]:
    return {part.part: part for part in await doctor._examine(settings)}


async def test_every_part_is_well(settings: Settings, discord_here: Discord) -> None:
    here = discord_here.settings
    settings = msgspec.structs.replace(
        settings, discord_token=here.discord_token, discord_api_url=here.discord_api_url
    )

    parts = await examined(settings)

    assert list(parts) == PARTS
    assert [part.detail for part in parts.values() if not part.ok] == []
    assert parts["discord"].detail.startswith("knows the bot as ")
    assert parts["model"].detail.startswith("scripted-1 answers, first token after ")


async def test_a_model_that_does_not_answer_names_what_else_there_is(
    settings: Settings, server: ScriptedModel
) -> None:
    server.script = html()

    model = (await examined(settings))["model"]

    assert not model.ok
    assert "--use-model" in model.mend
    assert "embedded" in model.mend


async def test_how_the_fallbacks_do_is_told(settings: Settings) -> None:
    async with ScriptedModel(html(), models=["other"]) as other:
        settings = msgspec.structs.replace(settings, llm_fallbacks=f"second,{other.base_url}")
        model = (await examined(settings))["model"]

    assert model.ok
    assert "; fallback second answers; fallback other A web page came back" in model.detail


async def test_a_database_that_is_away_leaves_the_other_parts_to_be_seen(settings: Settings) -> None:
    settings = msgspec.structs.replace(settings, database_url="postgresql://u@127.0.0.1:9/x")

    parts = await examined(settings)

    assert list(parts) == PARTS[:-1]
    assert not parts["storage"].ok
    assert "cannot be reached" in parts["storage"].detail
    assert parts["storage"].mend == "mend DATABASE_URL, or unset it: Troupe brings its own"


async def ask_discord(settings: Settings) -> Health:
    async with aiohttp.ClientSession() as session:
        return await discord_part(settings, session)


async def test_without_a_token_the_local_discord_is_meant() -> None:
    assert "local Discord" in (await ask_discord(Settings())).detail


async def test_a_wrong_token_is_seen(discord_here: Discord) -> None:
    part = await ask_discord(msgspec.structs.replace(discord_here.settings, discord_token="wrong"))

    assert (part.ok, part.detail) == (False, "the token is not accepted")


async def test_a_discord_that_cannot_be_reached_is_seen() -> None:
    part = await ask_discord(Settings(discord_token="t", discord_api_url="http://127.0.0.1:9"))

    assert (part.ok, part.mend) == (False, "check the network and DISCORD_API_URL")


async def test_a_bot_that_may_not_read_messages_is_told_the_switch(unused_tcp_port: int) -> None:
    async def application(_request: web.Request) -> web.Response:
        return web.json_response({"name": "Troupe", "flags": 0})

    app = web.Application()
    app.router.add_get("/api/v10/applications/@me", application)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()

    part = await ask_discord(
        Settings(discord_token="t", discord_api_url=f"http://127.0.0.1:{unused_tcp_port}")
    )
    await runner.cleanup()

    assert not part.ok
    assert "Message Content Intent" in part.mend


def test_a_worker_host_that_is_not_installed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    part = workers_part(Settings(worker_host="ray"))

    assert (part.ok, "TROUPE_WORKER_HOST" in part.mend) == (False, True)


def test_a_cluster_is_named() -> None:
    part = workers_part(Settings(worker_host="processes", ray_address="ray://head:1"))

    assert part.detail == "hosted by processes, cluster ray://head:1"


def test_a_folder_that_cannot_be_written_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.access", lambda _path, _mode: False)

    _, data = place_parts(Settings(data_dir=str(tmp_path / "deep" / "deeper")))

    assert (data.ok, data.mend) == (False, f"make {tmp_path} writable, or set TROUPE_DATA_DIR")


def test_a_full_disk_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bot.examination.LEAST_DISK", 2**80)

    _, data = place_parts(Settings(data_dir=str(tmp_path)))

    assert (data.ok, "disk space" in data.mend) == (False, True)


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings as the process finds them; another Postgres is not looked for."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISCORD_TOKEN", "DISCORD_API_URL", "LLM_GGUF"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("TROUPE_DATA_DIR", settings.data_dir)
    monkeypatch.setenv("LLM_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("LLM_MODEL", "nobody")


@pytest.mark.usefixtures("environment", "logs_as_before")
def test_json_is_exactly_one_object(capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json"])

    diagnosis = json.loads(capfd.readouterr().out)
    assert (code, diagnosis["ok"]) == (1, False)
    assert [part["part"] for part in diagnosis["parts"]] == PARTS


@pytest.mark.usefixtures("environment", "logs_as_before")
def test_people_get_a_table_with_the_ways_to_mend(capfd: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])

    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("✓ python")
    assert any(line.startswith("✗ model") for line in lines)
    assert lines[-1].strip().startswith("→ ")


@pytest.mark.usefixtures("environment", "logs_as_before")
def test_a_model_that_is_none_is_one_line_and_a_failure(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TROUPE_HTTP", "127.0.0.1:9")

    code = main(["doctor", "--use-model", "nonsense"])

    captured = capfd.readouterr()
    assert (code, captured.out) == (1, "")
    assert captured.err.startswith("troupe: Not a model")


async def test_without_a_running_troupe_the_choice_is_saved(settings: Settings, stores: Stores) -> None:
    settings = msgspec.structs.replace(settings, http="127.0.0.1:9")

    words = await doctor._switch(settings, "configured#scripted-1")

    assert words == "scripted-1 will speak from the next start on."
    saved = await stores.settings.get(SCOPE, KEY, SavedChoice)
    assert saved is not None
    assert str(saved.choice) == "configured#scripted-1"


async def running(settings: Settings) -> OperatorServer:
    """Start the operators' port of a running Troupe, which knows one model."""

    async def switch(choice: str) -> str:
        if choice != "embedded":
            raise TroupeError("no such model")
        return "SmolLM speaks now."

    async def face(_name: str) -> bytes | None:
        return None

    server = OperatorServer(
        list, face, switch, lambda: Node(name="troupe"), control_token(settings.data_path)
    )
    await server.start(settings.http)
    return server


@pytest.mark.parametrize("host", ["127.0.0.1", "", "0.0.0.0"])
async def test_a_running_troupe_switches_at_once(settings: Settings, unused_tcp_port: int, host: str) -> None:
    settings = msgspec.structs.replace(settings, http=f"{host}:{unused_tcp_port}")
    server = await running(settings)

    words = await doctor._switch(settings, "embedded")
    await server.stop()

    assert words == "SmolLM speaks now."


async def test_a_running_troupes_refusal_is_told(settings: Settings, unused_tcp_port: int) -> None:
    settings = msgspec.structs.replace(settings, http=f"127.0.0.1:{unused_tcp_port}")
    server = await running(settings)

    with pytest.raises(TroupeError, match="refused: no such model"):
        await doctor._switch(settings, "other")
    await server.stop()


async def test_something_else_on_the_port_is_told(settings: Settings) -> None:
    silent = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]

    with pytest.raises(TroupeError, match="Is it Troupe"):
        await doctor._switch(msgspec.structs.replace(settings, http=f"127.0.0.1:{port}"), "embedded")
    silent.close()
