"""A sandbox Discord, and the bot's clients on it."""

import asyncio
from collections.abc import Awaitable, Callable

import discord

from bot.client import TroupeClient
from config.settings import Settings
from sandbox.people import Person
from sandbox.server import Address, Sandbox
from sandbox.world import World
from tests.sandbox.referee import SPECIFICATION, Referee

WAIT_S = 10.0


async def eventually(holds: Callable[[], object | Awaitable[object]]) -> None:
    """Wait until a condition holds; the test's own deadline ends a wait in vain."""
    async with asyncio.timeout(WAIT_S):
        while True:
            result = holds()
            if await result if isinstance(result, Awaitable) else result:
                return
            await asyncio.sleep(0.01)


class Listener:
    """Writes down what the client tells."""

    def __init__(self) -> None:
        self.messages: list[discord.Message] = []
        self.edits: list[discord.RawMessageUpdateEvent] = []
        self.deletions: list[tuple[int, set[int]]] = []
        self.ready: list[TroupeClient] = []

    async def on_message(self, message: discord.Message) -> None:
        self.messages.append(message)

    async def on_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        self.edits.append(payload)

    async def on_delete(self, channel_id: int, message_ids: set[int]) -> None:
        self.deletions.append((channel_id, message_ids))

    async def on_ready(self, client: TroupeClient) -> None:
        self.ready.append(client)


class Discord:
    """A sandbox, what points at it, and the clients that were started on it."""

    def __init__(self, box: Sandbox, address: Address) -> None:
        self.box, self.address = box, address
        self.world: World = box.world
        self.referee = Referee()
        if SPECIFICATION.exists():
            box.rest.observers.append(self.referee.observe)
        self._running: list[tuple[TroupeClient, asyncio.Task[None]]] = []

    @property
    def stage(self) -> int:
        return self.world.channel("stage")

    @property
    def settings(self) -> Settings:
        return Settings(
            discord_token=self.address.token,
            discord_api_url=self.address.api,
            discord_gateway_url=self.address.gateway,
        )

    def ada(self) -> Person:
        """Owns the guild and the bot."""
        return Person(self.world, self.world.people[0])

    def bjorn(self) -> Person:
        """Is a member without any right."""
        return Person(self.world, self.world.people[1])

    def register_nothing(self, _client: TroupeClient) -> None:
        """For tests without commands."""

    async def connect(self, client: TroupeClient, *, until_ready: bool = True) -> TroupeClient:
        """Start a client and wait until its session is ready, or at least until it knows the channels."""
        task = asyncio.create_task(client.start(self.address.token))
        self._running.append((client, task))

        def is_here() -> bool:
            return client.is_ready() if until_ready else client.get_channel(self.stage) is not None

        await eventually(lambda: task.done() or is_here())
        if task.done():
            task.result()
        return client

    async def disconnect(self, client: TroupeClient) -> None:
        for running in [pair for pair in self._running if pair[0] is client]:
            self._running.remove(running)
            await client.close()
            await asyncio.gather(running[1], return_exceptions=True)

    async def close(self) -> None:
        for client, _ in tuple(self._running):
            await self.disconnect(client)
        await self.box.stop()
