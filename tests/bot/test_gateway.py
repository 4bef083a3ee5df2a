import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest
from discord.gateway import DiscordWebSocket
from typing_extensions import override
from yarl import URL

from bot.client import TroupeClient
from bot.endpoints import point_discord_py
from bot.gateway import INTENTS_HELP, DiscordRefusedError, Gateway
from config.settings import Settings
from sandbox.faults import Fault
from tests.bot.here import Discord, Listener, eventually

pytestmark = pytest.mark.discord

NOWHERE = "ws://127.0.0.1:9"


class Unclosable(TroupeClient):
    @override
    async def close(self) -> None:
        await super().close()
        raise OSError("the socket is gone")


def gateway(
    here: Discord, settings: Settings | None = None, kind: type[TroupeClient] = TroupeClient
) -> Gateway:
    return Gateway(settings or here.settings, lambda: kind(Listener(), here.register_nothing))


@asynccontextmanager
async def running(connection: Gateway, until: Callable[[], bool]) -> AsyncIterator[None]:
    """Run until a condition holds, and end at the end."""
    task = asyncio.create_task(connection.run())
    await eventually(until)
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_session_is_established_and_ended(discord_here: Discord) -> None:
    connection = gateway(discord_here)

    async with running(connection, lambda: connection.is_ready):
        client = connection.client
        assert connection.application_id == discord_here.world.application_id

    assert client is not None
    assert client.is_closed()
    assert connection.application_id is None


async def test_a_crash_of_a_parser_ends_one_incarnation_and_the_next_takes_over(
    discord_here: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.gateway._pause", lambda _failures: 0.0)
    connection = gateway(discord_here)

    async with running(connection, lambda: connection.is_ready):
        first = connection.client
        discord_here.world.state.emit("CHANNEL_CREATE", {"guild_id": str(discord_here.world.guild_id)})
        await eventually(lambda: connection.incarnations == 2 and connection.is_ready)

        assert connection.client is not first


async def test_a_client_that_cannot_be_closed_does_not_keep_the_next_from_coming(
    discord_here: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.gateway._pause", lambda _failures: 0.0)
    connection = gateway(discord_here, kind=Unclosable)

    async with running(connection, lambda: connection.is_ready):
        discord_here.world.state.emit("CHANNEL_CREATE", {"guild_id": str(discord_here.world.guild_id)})
        await eventually(lambda: connection.incarnations == 2)


async def test_an_event_nobody_knows_ends_nothing(discord_here: Discord) -> None:
    connection = gateway(discord_here)

    async with running(connection, lambda: connection.is_ready):
        discord_here.box.faults.add(Fault(kind="unknown_event", event="MESSAGE_CREATE"))
        discord_here.ada().send(discord_here.stage, "hello")
        client = connection.client
        assert client is not None
        assert isinstance(client.listener, Listener)
        heard = client.listener.messages
        await eventually(lambda: heard)

        assert connection.incarnations == 1


async def test_a_token_that_is_not_accepted_is_final(discord_here: Discord) -> None:
    settings = msgspec.structs.replace(discord_here.settings, discord_token="wrong.token.here")

    with pytest.raises(DiscordRefusedError, match="token"):
        await gateway(discord_here, settings).run()


@pytest.mark.parametrize(
    ("code", "words"),
    [(4004, "token"), (4010, "shard"), (4011, "too many servers"), (4012, "version"), (4013, "intent")],
)
async def test_a_close_that_no_retry_mends_is_final(discord_here: Discord, code: int, words: str) -> None:
    connection = gateway(discord_here)

    task = asyncio.create_task(connection.run())
    await eventually(lambda: connection.is_ready)
    discord_here.box.faults.add(Fault(kind="close", event="", code=code))

    with pytest.raises(DiscordRefusedError, match=words):
        await task


async def test_a_missing_intent_is_explained(discord_here: Discord) -> None:
    discord_here.box.hub.approved = frozenset()

    with pytest.raises(DiscordRefusedError) as error:
        await gateway(discord_here).run()

    assert str(error.value) == INTENTS_HELP


@pytest.mark.usefixtures("unpointed")
async def test_a_discord_known_by_its_api_alone_is_asked_for_its_gateway(discord_here: Discord) -> None:
    DiscordWebSocket.DEFAULT_GATEWAY = URL(NOWHERE)
    settings = msgspec.structs.replace(discord_here.settings, discord_gateway_url=None)
    point_discord_py(settings)
    connection = gateway(discord_here, settings)

    async with running(connection, lambda: connection.is_ready):
        assert str(DiscordWebSocket.DEFAULT_GATEWAY) == discord_here.address.gateway
