"""Keeps a world in a file: changed messages, new files and the rest of the world, twice a second."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from config.logs import get_logger
from sandbox.assets import Asset, Assets
from sandbox.errors import StateUnwritableError
from sandbox.simulator import RealClock, SeedClock
from sandbox.state import DiscordState
from sandbox.store import Change, Snapshot, Store
from sandbox.world import Seed, World

log = get_logger(__name__)

EVERY_S = 0.5
FILE = "sandbox.sqlite"
T = TypeVar("T")


class Saver:
    """Writes a world's changes; everything older than a second is on disk.

    Use `open_world` to get one.
    """

    def __init__(self, world: World, store: Store, executor: ThreadPoolExecutor) -> None:
        self._world = world
        self._store = store
        self._executor = executor
        self._changed: set[tuple[int, int]] = set()
        self._written = b""
        self._task: asyncio.Task[None] | None = None
        world.assets.keeps_everything = False
        world.load_asset = self._load_asset
        world.subscribe(self._hear)

    def start(self) -> None:
        """Save from now on, in the background."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Write what is left and close the file."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()
        await self._in_thread(self._store.close)
        self._executor.shutdown()

    async def flush(self) -> None:
        """Write every change now; a change that cannot be written is tried again next time."""
        changed, self._changed = self._changed, set()
        assets = self._world.assets.take_unsaved()
        snapshot = msgspec.msgpack.encode(take_snapshot(self._world))
        fresh = snapshot if snapshot != self._written else None
        change = Change(snapshot=fresh, messages={key: self._encoded(key) for key in changed}, assets=assets)
        if fresh is None and not changed and not assets:
            return
        try:
            await self._in_thread(lambda: self._store.save(change))
        except StateUnwritableError as error:
            log.exception("sandbox_not_saved", error=str(error))
            self._changed |= changed
            self._world.assets.give_back(assets)
        else:
            self._written = snapshot

    def _encoded(self, key: tuple[int, int]) -> bytes | None:
        message = self._world.state.messages.get(key[0], {}).get(key[1])
        return msgspec.msgpack.encode(message) if message is not None else None

    def _hear(self, _event: str, payload: Mapping[str, Any]) -> None:
        channel_id = payload.get("channel_id")
        if channel_id is None:
            return
        for message_id in (payload.get("message_id"), payload.get("id"), *payload.get("ids", ())):
            if message_id is not None:
                self._changed.add((int(channel_id), int(message_id)))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await self.flush()

    async def _load_asset(self, key: str) -> Asset | None:
        return await self._in_thread(lambda: self._store.asset(key))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


async def open_world(data_dir: Path, seed: Seed | None = None) -> tuple[World, Saver]:
    """Open the world saved under `data_dir`, or create one there.

    Raises:
        StateUnreadableError: the file is damaged or of another version.
        OSError: the directory cannot be written.
    """
    executor = ThreadPoolExecutor(1, "sandbox-store")
    loop = asyncio.get_running_loop()
    store = await loop.run_in_executor(executor, Store, data_dir / FILE)
    world = await loop.run_in_executor(executor, _restore, store) or World.fresh(seed)
    saver = Saver(world, store, executor)
    await saver.flush()
    return world, saver


def take_snapshot(world: World) -> Snapshot:
    """Collect everything but messages and files."""
    state = world.state
    return Snapshot(
        base_url=world.assets.base_url,
        application_id=state.application_id,
        bot_id=world.bot_id,
        users=list(state.users.values()),
        guilds=list(state.guilds.values()),
        channels=list(state.channels.values()),
        webhooks=list(state.webhooks.values()),
        dm_channels=state.dm_channels,
        commands=[(scope, c) for scope, commands in state.commands.items() for c in commands.values()],
        interactions=list(state.interactions.values()),
    )


def _restore(store: Store) -> World | None:
    snapshot = store.load()
    if snapshot is None:
        return None
    state = DiscordState(SeedClock())
    state.clock = RealClock()
    state.application_id = snapshot.application_id
    state.users = {user.id: user for user in snapshot.users}
    state.bot_user = state.users[snapshot.bot_id]
    state.guilds = {guild.id: guild for guild in snapshot.guilds}
    state.channels = {channel.id: channel for channel in snapshot.channels}
    state.webhooks = {webhook.id: webhook for webhook in snapshot.webhooks}
    state.webhook_tokens = {webhook.token: webhook.id for webhook in snapshot.webhooks}
    state.dm_channels = snapshot.dm_channels
    for scope, command in snapshot.commands:
        state.commands.setdefault(scope, {})[(command["name"], command["type"])] = command
    state.interactions = {record.id: record for record in snapshot.interactions}
    state.interaction_tokens = {record.token: record.id for record in snapshot.interactions}
    state.messages = {channel_id: {} for channel_id in state.channels}
    for message in store.messages():
        if message.channel_id in state.messages:
            state.messages[message.channel_id][message.id] = message
    return World(state, Assets(snapshot.base_url))
