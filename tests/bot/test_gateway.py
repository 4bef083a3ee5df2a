import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from discord.gateway import DiscordWebSocket
from typing_extensions import override
from yarl import URL

from bot.client import TroupeClient
from bot.endpoints import point_discord_py
from bot.gateway import INTENTS_HELP, TIRELESS, DiscordRefusedError, Gateway
from config.settings import Settings
from sandbox.faults import Fault
from supervision.policy import Backoff
from supervision.supervisor import Supervisor
from supervision.tree import Node
from tests.bot.here import WAIT_S, Discord, Listener, eventually

pytestmark = pytest.mark.discord

NOWHERE = "ws://127.0.0.1:9"


class Lost(TroupeClient):
    @override
    async def login(self, token: str) -> None:
        raise OSError("nobody is there")


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
async def running(connection: Gateway, until: Callable[[], bool]) -> AsyncIterator[Supervisor]:
    """Run under a supervisor until a condition holds, and end at the end."""
    root = await Supervisor("root", [connection.child()]).start()
    await eventually(until)
    yield root
    await root.stop()


def client_node(root: Supervisor) -> Node:
    """Return what the tree tells of the client."""
    [discord] = root.snapshot().children
    [client] = discord.children
    return client


async def refused(connection: Gateway, until: Callable[[], bool] = lambda: True) -> BaseException:
    """Run under a supervisor, and return what all ended of at once."""
    root = await Supervisor("root", [connection.child()]).start()
    await eventually(until)
    async with asyncio.timeout(WAIT_S):
        return (await root.wait_failed()).origin


async def test_a_session_is_established_and_ended(discord_here: Discord) -> None:
    connection = gateway(discord_here)

    async with running(connection, lambda: connection.is_ready):
        client = connection.client
        assert connection.application_id == discord_here.world.application_id

    assert client is not None
    assert client.is_closed()
    assert connection.application_id is None


async def test_a_crash_of_a_parser_ends_one_incarnation_and_the_next_takes_over(
    discord_here: Discord,
) -> None:
    connection = gateway(discord_here)

    async with running(connection, lambda: connection.is_ready) as root:
        first = connection.client
        discord_here.world.state.emit("CHANNEL_CREATE", {"guild_id": str(discord_here.world.guild_id)})
        await eventually(lambda: connection.incarnations == 2 and connection.is_ready)

        assert connection.client is not first
        assert client_node(root).restarts == 1
        assert client_node(root).work == "connected"


async def test_a_client_that_cannot_be_closed_does_not_keep_the_next_from_coming(
    discord_here: Discord,
) -> None:
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


async def test_a_discord_that_is_away_is_tried_more_often_than_anything_of_ours(
    discord_here: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_delay = msgspec.structs.replace(TIRELESS, backoff=Backoff(first_s=0.0))
    monkeypatch.setattr("bot.gateway.TIRELESS", no_delay)
    connection = gateway(discord_here, kind=Lost)

    async with running(connection, lambda: connection.incarnations > 20) as root:
        assert root.snapshot().state == "running"


async def test_a_token_that_is_not_accepted_is_final(discord_here: Discord) -> None:
    settings = msgspec.structs.replace(discord_here.settings, discord_token="wrong.token.here")

    error = await refused(gateway(discord_here, settings))

    assert isinstance(error, DiscordRefusedError)
    assert "token" in str(error)


@pytest.mark.parametrize(
    ("code", "words"),
    [(4004, "token"), (4010, "shard"), (4011, "too many servers"), (4012, "version"), (4013, "intent")],
)
async def test_a_close_that_no_retry_mends_is_final(discord_here: Discord, code: int, words: str) -> None:
    connection = gateway(discord_here)

    def close() -> bool:
        if connection.is_ready:
            discord_here.box.faults.add(Fault(kind="close", event="", code=code))
        return connection.is_ready

    error = await refused(connection, close)

    assert isinstance(error, DiscordRefusedError)
    assert words in str(error)
    assert connection.incarnations == 1


async def test_a_missing_intent_is_explained(discord_here: Discord) -> None:
    discord_here.box.hub.approved = frozenset()

    assert str(await refused(gateway(discord_here))) == INTENTS_HELP


@pytest.mark.usefixtures("unpointed")
async def test_a_discord_known_by_its_api_alone_is_asked_for_its_gateway(discord_here: Discord) -> None:
    DiscordWebSocket.DEFAULT_GATEWAY = URL(NOWHERE)
    settings = msgspec.structs.replace(discord_here.settings, discord_gateway_url=None)
    point_discord_py(settings)
    connection = gateway(discord_here, settings)

    async with running(connection, lambda: connection.is_ready):
        assert str(DiscordWebSocket.DEFAULT_GATEWAY) == discord_here.address.gateway
