"""A whole Troupe to be killed piece by piece; Discord, the model and the people live on in this process."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from chaos.board import Board
from chaos.plan import CHANNELS, CHARACTERS
from chaos.postgres import Postgres
from chaos.script import answer_to, reply_to
from chaos.stage import Stage, ports_of
from chaos.talk import Talk
from chaos.verdict import Complaint, Said, judge, judge_all
from config.errors import TroupeError
from config.settings import Settings
from sandbox.server import Sandbox
from sandbox.world import Seed, World
from storage.database import Database
from storage.errors import StorageError
from storage.stores import Stores
from tests.scripted_model import Reply, ScriptedModel, Seen

WorkerHost = Literal["ray", "processes", "none"]
READY_S = 60.0
FINAL_S = 30.0
"""Seconds from a restart within which everything must be final."""
POLL_S = 0.05


class ChaosError(TroupeError):
    """The promise was broken; the message says how."""


class Rig:
    """All parts, and what they did.

    Args:
        worker_host: where the stage lets its workers live.
        channels: how many there are; all three characters live in each that they moved into.
        dsn: a database to use; without one, a Postgres of its own is started.
        stage_dsn: how the stage comes to that database, if not by `dsn`.

    Attributes:
        home: the folder of everything; removed at the end unless `keep` is set.
        final_s: seconds from each restart until everything was final.
        resumed_s: seconds from each restart to the first further change of a message that was cut off.
    """

    def __init__(
        self,
        worker_host: WorkerHost = "processes",
        channels: int = CHANNELS,
        *,
        dsn: str = "",
        stage_dsn: str = "",
    ) -> None:
        names = tuple(f"chaos-{number}" for number in range(channels))
        self.world = World.fresh(Seed(channels=names))
        self.sandbox = Sandbox(self.world, page=False)
        self.board = Board()
        self.world.subscribe(self.board.hear)
        self.channels = [self.world.channel(name) for name in names]
        self.talk = Talk(self.world, self.channels, self.board)
        self.model = ScriptedModel(self._answer)
        self.home = Path(tempfile.mkdtemp(prefix="troupe-chaos-"))
        self.home.chmod(0o755)  # Postgres runs as another account when root runs this
        self.keep = False
        self.final_s: list[float] = []
        self.resumed_s: list[float] = []
        self.script: Callable[[Mapping[str, Any]], Reply] = reply_to
        self._worker_host = worker_host
        self._dsn, self._stage_dsn = dsn, stage_dsn
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._stack.callback(self._clear)
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _open(self) -> None:
        address = await self.sandbox.start()
        self._stack.push_async_callback(self.sandbox.stop)
        await self._stack.enter_async_context(self.model)
        dsn = self._dsn or await self._start_postgres()
        self.database = await Database.open(Settings(database_url=dsn))
        self._stack.push_async_callback(self.database.close)
        self.stores = Stores(self.database)
        settings = {
            "DISCORD_TOKEN": address.token,
            "DISCORD_API_URL": address.api,
            "DISCORD_GATEWAY_URL": address.gateway,
            "DATABASE_URL": self._stage_dsn or dsn,
            "LLM_BASE_URL": self.model.base_url,
            "LLM_MODEL": "scripted-1",
            "TROUPE_WORKER_HOST": self._worker_host,
            "TROUPE_USER_TURNS_PER_MIN": "0",
            "TROUPE_GUILD_TURNS_PER_MIN": "0",
        }
        self.stage = Stage(self.home, settings)
        self._stack.push_async_callback(self.stage.kill)

    async def _start_postgres(self) -> str:
        self.postgres = Postgres(self.home / "server")
        dsn = await self.postgres.start()
        self._stack.push_async_callback(self.postgres.stop)
        return dsn

    async def move_in(self) -> None:
        """Start the stage for the first time, and let the characters live in every channel."""
        await self.start()
        async with asyncio.timeout(READY_S):
            while not await self._move_in():  # noqa: ASYNC110 - another process
                await asyncio.sleep(POLL_S)

    async def settle_in(self) -> None:
        """Move in, and have one answer of each character everywhere."""
        await self.move_in()
        said = [self.talk.say(channel, *CHARACTERS) for channel in range(len(self.channels))]
        await self.settled(said, READY_S)

    async def _move_in(self) -> bool:
        """Put the characters on every roster once the stage has made them; false before."""
        try:
            known = {one.name: one.id for one in await self.stores.personalities.visible(None)}
        except StorageError:
            return False
        if not set(CHARACTERS) <= set(known):
            return False
        for channel_id in self.channels:
            for name in CHARACTERS:
                await self.stores.rosters.add(channel_id, known[name])
        return True

    async def start(self, trigger: str = "") -> None:
        """Start the stage, armed or not, and wait until it is connected or has died already.

        Raises:
            TimeoutError: it is neither.
        """
        self.sandbox.hub.sessions.clear()
        await self.stage.start(trigger)
        async with asyncio.timeout(READY_S):
            while not self.is_connected and self.stage.is_alive:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    @property
    def is_connected(self) -> bool:
        """The stage hears what happens in Discord."""
        return any(session.left_at is None for session in self.sandbox.hub.sessions.values())

    async def restart(self, said: Sequence[Said], trigger: str = "") -> None:
        """Start the stage again, and note when it goes on where something was cut off."""
        cut_off = self._cut_off(said)
        began = time.monotonic()
        await self.start(trigger)
        while self.stage.is_alive and cut_off and time.monotonic() - began < FINAL_S:
            changes = [at for one in cut_off for at in self.board.messages[one].changed_at if at > began]
            if changes:
                self.resumed_s.append(min(changes) - began)
                return
            await asyncio.sleep(0.02)

    async def recovered(self) -> None:
        """Start the stage again, and wait until all that was ever said is answered right.

        Raises:
            ChaosError: it is not in time; says what is wrong.
        """
        await self.restart(self.talk.said)
        await self.settled(self.talk.said)

    async def kill_worker(self) -> list[Seen]:
        """Kill the busiest worker; returns the model's streams that this cut off."""
        held = await asyncio.to_thread(lambda: ports_of(self.stage.workers()))
        open_ = [seen for seen in self.model.seen if seen.outcome == "open"]
        cut_off = {pid: [seen for seen in open_ if seen.peer_port in ports] for pid, ports in held.items()}
        victim = max(cut_off, key=lambda pid: len(cut_off[pid]), default=None)
        if victim is None:
            return []
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        return cut_off[victim]

    async def settled(self, said: Sequence[Said], within_s: float = FINAL_S) -> None:
        """Wait until everything is final and right.

        Raises:
            ChaosError: it is not in time; says what is wrong.
        """
        began = time.monotonic()
        complaints: Sequence[Complaint] = ()
        while time.monotonic() - began < within_s:
            try:
                complaints = await judge(self.database, self.board, said)
            except StorageError as error:
                complaints = [Complaint("not final", f"the database is away: {error}")]
            if not complaints:
                self.final_s.append(time.monotonic() - began)
                return
            await asyncio.sleep(POLL_S)
        words = "; ".join(f"{one.wrong}: {one.what}" for one in complaints[:20])
        raise ChaosError(f"Not right within {within_s:g} s: {words}")

    async def complaints(self) -> list[Complaint]:
        """Return everything that is wrong about the whole run."""
        return await judge_all(self.database, self.board, self.talk.said)

    def _cut_off(self, said: Sequence[Said]) -> set[int]:
        """Return the messages that show a part of an answer."""
        found = set[int]()
        for one in said:
            for speaker in CHARACTERS:
                shown = self.board.answer(speaker, one.tag)
                words = " ".join(seen.content for seen in shown)
                if shown and words.split() != answer_to(one.tag).split():
                    found.add(shown[-1].message_id)
        return found

    def _answer(self, body: Mapping[str, Any]) -> Reply:
        self.board.note("asked")
        return self.script(body)

    def _clear(self) -> None:
        if not self.keep:
            shutil.rmtree(self.home, ignore_errors=True)
