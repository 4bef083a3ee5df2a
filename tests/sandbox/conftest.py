import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import discord
import pytest
import yarl

from sandbox.people import Person
from sandbox.server import Address, Sandbox
from sandbox.world import World
from tests.sandbox.referee import SPECIFICATION, Referee


class Running:
    """A sandbox with an open port, a referee, and stock clients that were pointed at it."""

    def __init__(self, box: Sandbox, address: Address) -> None:
        self.box = box
        self.address = address
        self.referee = Referee()
        self.clients: list[tuple[discord.Client, asyncio.Task[None]]] = []
        if SPECIFICATION.exists():
            box.rest.observers.append(self.referee.observe)

    @property
    def world(self) -> World:
        return self.box.world

    @property
    def stage(self) -> int:
        return self.world.channel("stage")

    def ada(self) -> Person:
        return Person(self.world, self.world.people[0])

    def bjorn(self) -> Person:
        return Person(self.world, self.world.people[1])

    async def login(self, client: discord.Client) -> discord.Client:
        ready = asyncio.Event()

        async def on_ready() -> None:
            ready.set()

        client.event(on_ready)
        task = asyncio.create_task(client.start(self.address.token))
        self.clients.append((client, task))
        waiting = asyncio.create_task(ready.wait())
        done, _ = await asyncio.wait([task, waiting], timeout=10, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task in done:
            await task
        assert ready.is_set()
        return client

    async def close(self) -> None:
        for client, task in self.clients:
            await client.close()
            await asyncio.gather(task, return_exceptions=True)
        await self.box.stop()


def point_at(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point stock discord.py at a sandbox; these attributes hold all addresses it needs."""
    monkeypatch.setattr(discord.http.Route, "BASE", address.api)
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(address.gateway))


def new_client(**options: Any) -> discord.Client:
    return discord.Client(
        **{"intents": discord.Intents.all(), "guild_ready_timeout": 0.05, "heartbeat_timeout": 5.0} | options
    )


Expect = Callable[[], Awaitable[Any]]


def collect(client: discord.Client, event: str) -> Expect:
    """Return a coroutine function that waits for the next `event` since this call."""
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def hear(*args: Any) -> None:
        queue.put_nowait(args[0] if len(args) == 1 else args)

    hear.__name__ = f"on_{event}"
    client.event(hear)

    async def take() -> Any:
        async with asyncio.timeout(5):
            return await queue.get()

    return take


@pytest.fixture
def world() -> World:
    return World.fresh()


@pytest.fixture
async def sandbox(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    box = Sandbox(world, page=False)
    address = await box.start()
    point_at(address, monkeypatch)
    running = Running(box, address)
    yield running
    await running.close()
    assert world.gaps == []
    assert running.referee.request_complaints == []
    assert running.referee.answer_complaints == []


@pytest.fixture
async def client(sandbox: Running) -> discord.Client:
    return await sandbox.login(new_client())
