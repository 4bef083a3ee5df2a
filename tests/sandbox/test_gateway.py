import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import pytest
import zstandard

from sandbox.faults import Fault
from sandbox.limits import Limits, Rate
from tests.sandbox.conftest import Running, collect, new_client

pytestmark = pytest.mark.discord

ALL = discord.Intents.all().value


class Raw:
    """A client that speaks the gateway's frames itself."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, token: str, compress: str | None) -> None:
        self.socket = socket
        self.token = token
        self._unpack = _unpacker(compress)

    async def send(self, op: int, data: Any = None) -> None:
        await self.socket.send_str(json.dumps({"op": op, "d": data}))

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            message = await self.socket.receive()
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        frame: dict[str, Any] = json.loads(self._unpack(message.data))
        return frame

    async def until(self, event: str) -> dict[str, Any]:
        while True:
            frame = await self.next()
            if frame.get("t") == event:
                return frame

    async def identify(self, **data: Any) -> dict[str, Any]:
        await self.send(2, {"token": self.token, "intents": ALL, "properties": {}} | data)
        return await self.until("READY")

    async def close_code(self) -> int | None:
        async with asyncio.timeout(5):
            async for _ in self.socket:
                pass
        return self.socket.close_code


def _unpacker(compress: str | None) -> Any:
    if compress == "zlib-stream":
        return zlib.decompressobj().decompress
    if compress == "zstd-stream":
        return zstandard.ZstdDecompressor().decompressobj().decompress
    return lambda data: data


@asynccontextmanager
async def raw(sandbox: Running, compress: str | None = None, version: str = "10") -> AsyncIterator[Raw]:
    query = {"v": version, "encoding": "json"} | ({"compress": compress} if compress else {})
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(sandbox.address.gateway, params=query) as socket,
    ):
        client = Raw(socket, sandbox.address.token, compress)
        assert (await client.next())["op"] == 10
        yield client


@pytest.mark.parametrize("compress", [None, "zlib-stream", "zstd-stream"])
async def test_a_client_hears_ready_the_guild_and_messages(sandbox: Running, compress: str | None) -> None:
    async with raw(sandbox, compress) as client:
        ready = await client.identify()
        assert ready["d"]["guilds"] == [{"id": str(sandbox.world.guild_id), "unavailable": True}]
        guild = await client.until("GUILD_CREATE")
        assert [channel["name"] for channel in guild["d"]["channels"]] == ["stage", "backstage"]
        sandbox.ada().send(sandbox.stage, "héllo")
        heard = await client.until("MESSAGE_CREATE")
        assert (heard["d"]["content"], heard["s"]) == ("héllo", guild["s"] + 1)


class ZlibContext:
    """What discord.py uses where zstandard is not installed."""

    COMPRESSION_TYPE = "zlib-stream"

    def __init__(self) -> None:
        self._context = zlib.decompressobj()

    def decompress(self, data: bytes) -> str:
        return self._context.decompress(data).decode()


@pytest.mark.parametrize("compress", ["zlib-stream", "zstd-stream"])
@pytest.mark.parametrize("kind", ["tcp_reset", "reconnect", "close"])
async def test_a_stock_client_resumes_and_misses_nothing(
    sandbox: Running, monkeypatch: pytest.MonkeyPatch, compress: str, kind: Any
) -> None:
    if compress == "zlib-stream":
        monkeypatch.setattr(discord.utils, "_ActiveDecompressionContext", ZlibContext)
    client = await sandbox.login(new_client())
    heard, resumed = collect(client, "message"), collect(client, "resumed")
    sandbox.box.faults.add(Fault(kind=kind, event=""))
    for number in range(5):
        sandbox.ada().send(sandbox.stage, str(number))
    await resumed()
    sandbox.ada().send(sandbox.stage, "5")
    assert [(await heard()).content for _ in range(6)] == ["0", "1", "2", "3", "4", "5"]
    assert len(sandbox.box.hub.sessions) == 1


async def test_a_stock_client_notices_a_half_open_socket_and_resumes(sandbox: Running) -> None:
    sandbox.box.gateway.heartbeat_s = 0.1
    client = await sandbox.login(new_client(heartbeat_timeout=0.3))
    heard = collect(client, "message")
    sandbox.box.faults.add(Fault(kind="half_open", event=""))
    sandbox.ada().send(sandbox.stage, "into the void")
    assert (await heard()).content == "into the void"


async def test_a_bot_that_restarts_resumes_its_session_from_another_socket(sandbox: Running) -> None:
    async with raw(sandbox) as first:
        ready = await first.identify()
        last = await first.until("GUILD_CREATE")
        first.socket._response.close()
    sandbox.ada().send(sandbox.stage, "while away")
    async with raw(sandbox, "zlib-stream") as second:
        session = {"session_id": ready["d"]["session_id"], "seq": last["s"], "token": second.token}
        await second.send(6, session)
        assert (await second.next())["d"]["content"] == "while away"
        assert (await second.next())["t"] == "RESUMED"


async def test_a_session_that_was_closed_cleanly_cannot_be_resumed(sandbox: Running) -> None:
    async with raw(sandbox) as first:
        ready = await first.identify()
    async with raw(sandbox) as second:
        session = {"session_id": ready["d"]["session_id"], "seq": 1, "token": second.token}
        await second.send(6, session)
        assert await second.next() == {"op": 9, "d": False, "s": None, "t": None}


async def test_a_number_that_was_never_sent_cannot_be_resumed(sandbox: Running) -> None:
    async with raw(sandbox) as client:
        ready = await client.identify()
        client.socket._response.close()
    async with raw(sandbox) as second:
        session = {"session_id": ready["d"]["session_id"], "seq": 999, "token": second.token}
        await second.send(6, session)
        assert (await second.next())["op"] == 9


@pytest.mark.parametrize("resumable", [True, False])
async def test_invalid_session_ends_it_or_not(sandbox: Running, resumable: bool) -> None:
    async with raw(sandbox) as client:
        await client.identify()
        await client.until("GUILD_CREATE")
        kind: Any = "invalid_session_resumable" if resumable else "invalid_session"
        sandbox.box.faults.add(Fault(kind=kind, event=""))
        assert await client.next() == {"op": 9, "d": resumable, "s": None, "t": None}
        assert bool(sandbox.box.hub.sessions) is resumable


async def test_heartbeats_are_acknowledged_until_told_otherwise(sandbox: Running) -> None:
    async with raw(sandbox) as client:
        await client.identify()
        await client.until("GUILD_CREATE")
        await client.send(1)
        assert (await client.next())["op"] == 11
        sandbox.box.faults.add(Fault(kind="no_ack", event=""))
        await client.send(1)
        sandbox.ada().send(sandbox.stage, "events go on")
        assert (await client.next())["t"] == "MESSAGE_CREATE"


IDENTIFY: dict[str, Any] = {"intents": ALL, "properties": {}}


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        (2, IDENTIFY | {"token": "wrong"}, 4004),
        (2, IDENTIFY | {"intents": 1 << 60}, 4013),
        (2, IDENTIFY | {"shard": [3, 2]}, 4010),
        (2, "no object", 4002),
        (8, {"guild_id": "1"}, 4003),
        (77, None, 4001),
        (2, IDENTIFY | {"padding": "x" * 5000}, 4002),
    ],
)
async def test_frames_that_discord_refuses_close_with_its_code(
    sandbox: Running, op: int, data: Any, code: int
) -> None:
    async with raw(sandbox) as client:
        await client.send(op, {"token": client.token} | data if isinstance(data, dict) else data)
        assert await client.close_code() == code


async def test_garbage_closes_with_4002(sandbox: Running) -> None:
    async with raw(sandbox) as client:
        await client.socket.send_str("{")
        assert await client.close_code() == 4002


async def test_an_unknown_version_closes_with_4012(sandbox: Running) -> None:
    query = {"v": "5"}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(sandbox.address.gateway, params=query) as socket,
    ):
        async for _ in socket:
            pass
        assert socket.close_code == 4012


async def test_identifying_twice_closes_with_4005(sandbox: Running) -> None:
    async with raw(sandbox) as client:
        await client.identify()
        await client.send(2, IDENTIFY | {"token": client.token})
        assert await client.close_code() == 4005


async def test_more_than_120_frames_a_minute_close_with_4008(sandbox: Running) -> None:
    async with raw(sandbox) as client:
        for _ in range(121):
            await client.send(1)
        assert await client.close_code() == 4008


async def test_missed_heartbeats_close_with_4009(sandbox: Running) -> None:
    sandbox.box.gateway.heartbeat_s = 0.1
    async with raw(sandbox) as client:
        await client.identify()
        assert await client.close_code() == 4009


async def test_privileged_intents_that_were_not_approved_end_a_stock_client(sandbox: Running) -> None:
    sandbox.box.hub.approved = frozenset({"members", "presences"})
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await sandbox.login(new_client())


async def test_identifies_are_spaced_when_asked(sandbox: Running) -> None:
    sandbox.box.limiter.limits = Limits(identify=Rate(1, 60.0))
    async with raw(sandbox) as first, raw(sandbox) as second:
        await first.identify()
        await second.send(2, IDENTIFY | {"token": second.token})
        assert await second.next() == {"op": 9, "d": False, "s": None, "t": None}


async def test_events_outside_the_intents_are_not_sent(sandbox: Running) -> None:
    intents = discord.Intents(guilds=True, guild_typing=True).value
    async with raw(sandbox) as client:
        await client.identify(intents=intents)
        await client.until("GUILD_CREATE")
        sandbox.ada().send(sandbox.stage, "unheard")
        sandbox.ada().typing(sandbox.stage)
        assert (await client.next())["t"] == "TYPING_START"


async def test_text_is_hidden_without_the_message_content_intent(sandbox: Running) -> None:
    intents = discord.Intents(guilds=True, guild_messages=True).value
    async with raw(sandbox) as client:
        await client.identify(intents=intents)
        sandbox.ada().send(sandbox.stage, "secret")
        sandbox.ada().send(sandbox.stage, f"<@{sandbox.world.bot_id}> for you")
        heard = [(await client.until("MESSAGE_CREATE"))["d"]["content"] for _ in range(2)]
        assert heard == ["", f"<@{sandbox.world.bot_id}> for you"]


async def test_members_are_told_in_chunks(sandbox: Running) -> None:
    guild = str(sandbox.world.guild_id)
    async with raw(sandbox) as client:
        await client.identify()
        for request in (
            {"query": "", "limit": 0},
            {"query": "bj", "limit": 5},
            {"user_ids": [str(sandbox.ada().id), "5"], "presences": True},
        ):
            await client.send(8, {"guild_id": guild, "nonce": "n"} | request)
        chunks = [(await client.until("GUILD_MEMBERS_CHUNK"))["d"] for _ in range(3)]
    names = [sorted(m["user"]["username"] for m in chunk["members"]) for chunk in chunks]
    assert names == [["Troupe", "ada", "bjorn"], ["bjorn"], ["ada"]]
    assert chunks[2]["not_found"] == ["5"]


async def hear_three(sandbox: Running, fault: Fault) -> list[str]:
    async with raw(sandbox) as client:
        await client.identify()
        await client.until("GUILD_CREATE")
        sandbox.box.faults.add(fault)
        for number in range(3):
            sandbox.ada().send(sandbox.stage, str(number))
        sandbox.ada().typing(sandbox.stage)
        heard = []
        while (frame := await client.next())["t"] != "TYPING_START":
            heard.append(f"{frame['s']}:{frame['d'].get('content', '?')}")
    return heard


@pytest.mark.parametrize(
    ("kind", "after", "heard"),
    [
        ("duplicate", 1, ["3:0", "4:1", "4:1", "5:2"]),
        ("reorder", 1, ["3:0", "5:2", "4:1"]),
        ("drop", 1, ["3:0", "5:2"]),
        ("unknown_event", 1, ["3:0", "4:?", "5:1", "6:2"]),
        ("replay", 2, ["3:0", "4:1", "5:2", "3:0", "4:1", "5:2"]),
    ],
)
async def test_events_come_wrong_on_command(
    sandbox: Running, kind: Any, after: int, heard: list[str]
) -> None:
    fault = Fault(kind=kind, event="MESSAGE_CREATE", after=after)
    assert await hear_three(sandbox, fault) == heard


async def test_a_stock_client_lives_with_unknown_events_and_fields(
    sandbox: Running, client: discord.Client
) -> None:
    heard = collect(client, "message")
    for kind in ("unknown_event", "unknown_field"):
        sandbox.box.faults.add(Fault(kind=kind, event="MESSAGE_CREATE"))
        sandbox.ada().send(sandbox.stage, kind)
        assert (await heard()).content == kind


async def test_joining_voice_is_announced(sandbox: Running) -> None:
    channel = sandbox.world.state.create_channel(sandbox.world.guild_id, "booth", type=2)
    async with raw(sandbox) as client:
        await client.identify()
        await client.send(4, {"guild_id": str(sandbox.world.guild_id), "channel_id": str(channel.id)})
        state = await client.until("VOICE_STATE_UPDATE")
        assert state["d"]["channel_id"] == str(channel.id)


async def test_gateway_addresses_are_told(sandbox: Running, client: discord.Client) -> None:
    told = await client.http.get_bot_gateway()
    assert sandbox.address.gateway in told[1]


async def test_a_second_socket_takes_a_session_over(sandbox: Running) -> None:
    async with raw(sandbox) as first, raw(sandbox) as second:
        ready = await first.identify()
        guild = await first.until("GUILD_CREATE")
        session = {"session_id": ready["d"]["session_id"], "seq": guild["s"], "token": second.token}
        await second.send(6, session)
        assert (await second.next())["t"] == "RESUMED"
        assert await first.close_code() == 4000
        sandbox.ada().send(sandbox.stage, "to the new one")
        assert (await second.next())["t"] == "MESSAGE_CREATE"


async def gone(sandbox: Running) -> None:
    """Wait until the server has noticed that a socket broke: the next one is served after it."""
    async with raw(sandbox) as other:
        await other.send(1)
        await other.next()


async def test_sessions_wait_a_while_for_their_bot(sandbox: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw(sandbox) as client:
        await client.identify()
        client.socket._response.close()
    hub = sandbox.box.hub
    await gone(sandbox)
    hub.expire()
    assert len(hub.sessions) == 1
    monkeypatch.setattr("sandbox.gateway.hub.RESUME_WINDOW_S", -1.0)
    hub.expire()
    assert hub.sessions == {}


async def test_a_shard_hears_of_its_own_guilds_only(sandbox: Running) -> None:
    number = (sandbox.world.guild_id >> 22) % 2
    async with raw(sandbox) as mine, raw(sandbox) as other:
        await mine.identify(shard=[number, 2])
        ready = await other.identify(shard=[1 - number, 2])
        assert ready["d"]["guilds"] == []
        await mine.until("GUILD_CREATE")
        sandbox.ada().send(sandbox.stage, "for one shard")
        assert (await mine.next())["t"] == "MESSAGE_CREATE"
        await other.send(1)
        assert (await other.next())["op"] == 11


async def test_a_bad_voice_state_changes_nothing(sandbox: Running) -> None:
    async with raw(sandbox) as client:
        await client.identify()
        await client.until("GUILD_CREATE")
        await client.send(4, {"guild_id": "1", "channel_id": None})
        await client.send(8, {"guild_id": "1"})
        await client.send(1)
        assert (await client.next())["op"] == 11


@pytest.mark.parametrize(
    ("op", "data"),
    [
        (2, {"intents": "many"}),
        (2, {"intents": 1, "shard": ["a", "b"]}),
        (6, {"session_id": 1, "seq": "x"}),
        (2, {"intents": 1, "shard": [0]}),
    ],
)
async def test_nonsense_closes_the_connection_and_nothing_else(
    sandbox: Running, op: int, data: dict[str, Any]
) -> None:
    async with raw(sandbox) as client:
        await client.send(op, {"token": client.token} | data)
        assert await client.close_code() in {4002, 4010, 4013}
    async with raw(sandbox) as other:
        await other.identify()
