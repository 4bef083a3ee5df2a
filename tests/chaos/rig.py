"""The stage as a real process that may die at any place; Discord and the model live on in the test."""

import asyncio
import contextlib
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from bench.rig import free_port
from config.settings import ENVIRONMENT, Settings
from sandbox.ledger import Entry
from sandbox.people import Person
from sandbox.server import Address, Sandbox
from sandbox.world import Seed, World
from storage.database import Database
from storage.queries import Query
from storage.stores import Stores
from tests.scripted_model import Reply, ScriptedModel

ROOT = Path(__file__).parents[2]
READY_S = 30.0
FINAL_S = 30.0
STOP_S = 25.0
HUSH, ZUZU, SPROCKET = "Hush", "Madame Zuzu", "Sprocket"
TAG = re.compile(r"q\d{5}q")
BEGINS = re.compile(r"(q\d{5}q) begins")
MIDDLE = "the lamp in the harbour burns all night and nobody asks who lights it, "
TURNS = Query(
    "chaos",
    """select t.message_id, p.name as speaker, t.also, t.state, t.reason
       from turns t join personalities p on p.id = t.personality_id""",
)


class Said(msgspec.Struct, frozen=True):
    """A message of a person: where, its tag, and who has to answer it."""

    message_id: int
    channel_id: int
    tag: str
    speakers: tuple[str, ...]


def answer(body: Mapping[str, Any]) -> Reply:
    """Answer the newest tag in a prompt; every third answer fills more than one message."""
    tag = TAG.findall(str(body))[-1]
    is_long = int(tag[1:6]) % 3 == 0
    text = f"{tag} begins: {MIDDLE * (36 if is_long else 2)} and so ends {tag}."
    return Reply(text=text, first_token_s=0.1, rate=400.0 if is_long else 30.0)


class Chaos:
    """Starts and kills the stage, speaks as a person, and reads what became visible.

    Attributes:
        resumed_s: seconds from each restart to the first visible change after it.
    """

    def __init__(self, dsn: str, channels: int = 4) -> None:
        self._dsn = dsn
        names = tuple(f"chaos-{number}" for number in range(channels))
        self.world = World.fresh(Seed(channels=names))
        self.sandbox = Sandbox(self.world, page=False)
        self.channels = [self.world.channel(name) for name in names]
        self.person = Person(self.world, self.world.people[0])
        self.model = ScriptedModel(answer)
        self.said: list[Said] = []
        self.resumed_s: list[float] = []
        self._address: Address | None = None
        self._stage: asyncio.subprocess.Process | None = None
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.home = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="troupe-chaos-")))
        self._address = await self.sandbox.start()
        self._stack.push_async_callback(self.sandbox.stop)
        await self._stack.enter_async_context(self.model)
        self._database = await Database.open(Settings(database_url=self._dsn))
        self._stack.push_async_callback(self._database.close)
        self.stores = Stores(self._database)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stage is not None and self._stage.returncode is None:
            self._stage.kill()
            await self._stage.wait()
        await self._stack.aclose()

    async def start(self, trigger: str = "") -> None:
        """Start the stage, armed or not, and wait until it is connected or has died already."""
        await self._spawn(trigger)
        async with asyncio.timeout(READY_S):
            while not self.is_connected and self.is_alive:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    async def restart(self) -> None:
        """Start the stage again, and measure until it goes on where something was cut off."""
        before, began = len(self._changes), time.monotonic()
        await self.start()
        async with asyncio.timeout(FINAL_S):
            while len(self._changes) == before and not await self._is_settled():  # noqa: ASYNC110 - same
                await asyncio.sleep(0.02)
        if len(self._changes) > before:
            self.resumed_s.append(self._changes[before].at - began)

    async def died(self, within_s: float = FINAL_S) -> None:
        """Wait until the stage is dead."""
        assert self._stage is not None
        async with asyncio.timeout(within_s):
            await self._stage.wait()

    async def kill(self) -> None:
        """End the stage without any notice."""
        assert self._stage is not None
        self._stage.kill()
        await self.died()

    async def terminate(self) -> int | None:
        """Ask the stage to stop; returns its exit code."""
        assert self._stage is not None
        self._stage.terminate()
        await self.died(STOP_S)
        return self._stage.returncode

    @property
    def is_alive(self) -> bool:
        return self._stage is not None and self._stage.returncode is None

    @property
    def is_connected(self) -> bool:
        return any(session.left_at is None for session in self.sandbox.hub.sessions.values())

    @property
    def log(self) -> str:
        return (self.home / "log.txt").read_text(encoding="utf-8", errors="replace")

    def say(self, channel: int, *speakers: str) -> None:
        """Address characters in a channel as a person."""
        tag = f"q{len(self.said):05d}q"
        called = " ".join(f"@{speaker}" for speaker in speakers)
        sent = self.person.send(self.channels[channel], f"{called} hello {tag}")
        self.said.append(Said(int(sent["id"]), self.channels[channel], tag, speakers))

    async def settled(self, within_s: float = FINAL_S) -> None:
        """Wait until every answer is complete and the ledger has nothing left to do."""
        try:
            async with asyncio.timeout(within_s):
                while not await self._is_settled():  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not final within {within_s} s: {await self.complaints()}") from None

    async def complaints(self) -> list[str]:
        """Return everything that breaks the promise: nothing lost, nothing twice, one outcome each.

        A message that came while its speaker was at another may be answered together with the next ones.
        """
        turns = {(row["message_id"], row["speaker"]): row for row in await self._database.fetch(TURNS)}
        together = {(other, who): row for (_, who), row in turns.items() for other in row["also"]}
        tags = {said.message_id: said for said in self.said}
        found: list[str] = []
        for said in self.said:
            for speaker in said.speakers:
                turn = turns.pop((said.message_id, speaker), None)
                state = turn["state"] if turn else "no turn"
                if turn and state == "done":
                    found += self._wrong(tags[(said.message_id, *turn["also"])[-1]], speaker)
                elif state != "silent" or (said.message_id, speaker) not in together:
                    found.append(f"{said.tag} by {speaker}: {state}")
                elif together[said.message_id, speaker]["state"] != "done":
                    found.append(f"{said.tag} by {speaker}: together with a turn that is not done")
        found += [f"turn of nobody {key} {turn['state']}" for key, turn in turns.items()]
        found += [f"never considered {message.id}" for message in await self.stores.messages.unconsidered()]
        return found + self._doubled()

    def _doubled(self) -> list[str]:
        """Return the beginnings of answers that were seen in more than one message of a speaker."""
        seen = {
            (entry.message_id, entry.author, tag)
            for entry in self._changes
            for tag in BEGINS.findall(entry.content)
        }
        counts = Counter((author, tag) for _, author, tag in seen)
        return [
            f"{tag} begun {count} times by {author}" for (author, tag), count in counts.items() if count > 1
        ]

    def _wrong(self, said: Said, speaker: str) -> list[str]:
        """Return what is wrong with one answer."""
        texts = self._answers(said, speaker)
        whole = " ".join(texts)
        name = f"{said.tag} by {speaker}"
        wrong = []
        if whole.count(f"{said.tag} begins") != 1 or whole.count(f"ends {said.tag}") != 1:
            shown = [f"{text[:30]} … {text[-30:]}" for text in texts]
            begun = [
                tag
                for entry in self._changes
                if entry.author == speaker
                for tag in BEGINS.findall(entry.content)
            ]
            wrong.append(f"{name}: {shown}; began last: {list(dict.fromkeys(begun))[-4:]}")
        is_long = int(said.tag[1:6]) % 3 == 0
        if len(texts) != 1 + is_long or whole.count(MIDDLE.strip()) != (36 if is_long else 2):
            wrong.append(f"{name}: {len(texts)} messages, {len(whole)} characters")
        return wrong

    def _answers(self, said: Said, speaker: str) -> list[str]:
        """Return the visible messages of a speaker between this message and the answer to another."""
        newest: dict[int, Entry] = {}
        for entry in self._changes:
            if (entry.channel_id, entry.author) == (said.channel_id, speaker):
                newest[entry.message_id] = entry
        found: list[str] = []
        is_mine = False
        for message_id in sorted(newest):
            text = newest[message_id].content
            tags = TAG.findall(text)
            is_mine = tags[0] == said.tag if tags else is_mine
            if is_mine:
                found.append(text)
        return found

    async def _is_settled(self) -> bool:
        return not await self.complaints()

    @property
    def _changes(self) -> Sequence[Entry]:
        """Posts and edits of characters, in order; a deleted message stays, for it was seen."""
        return [
            entry for entry in self.sandbox.ledger.entries if entry.webhook_id and entry.action != "delete"
        ]

    async def _spawn(self, trigger: str) -> None:
        assert self._address is not None
        known = {*ENVIRONMENT.values(), "TROUPE_TRIGGER"}
        environment = {name: value for name, value in os.environ.items() if name not in known} | {
            "DISCORD_TOKEN": self._address.token,
            "DISCORD_API_URL": self._address.api,
            "DISCORD_GATEWAY_URL": self._address.gateway,
            "DATABASE_URL": self._dsn,
            "LLM_BASE_URL": self.model.base_url,
            "LLM_MODEL": "scripted-1",
            "TROUPE_DATA_DIR": str(self.home / "data"),
            "TROUPE_HTTP": f"127.0.0.1:{free_port()}",
            "TROUPE_WORKER_HOST": "none",
            "TROUPE_USER_TURNS_PER_MIN": "0",
            "TROUPE_GUILD_TURNS_PER_MIN": "0",
            "TROUPE_LOG_FORMAT": "json",
            "TROUPE_TRIGGER": trigger,
        }
        self.sandbox.hub.sessions.clear()
        with (self.home / "log.txt").open("ab") as log:
            self._stage = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                "run",
                cwd=ROOT,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
