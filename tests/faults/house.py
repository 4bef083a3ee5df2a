"""A whole bot in this process on a sandbox Discord: people write, and what came of it is judged."""

import asyncio
import contextlib
import itertools
import re
import tempfile
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import msgspec
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bench.rig import free_port
from bot.app import App
from config.settings import Settings
from sandbox.faults import Fault
from sandbox.ledger import Entry
from sandbox.limits import Limits
from sandbox.people import Person
from sandbox.server import Address, Sandbox
from sandbox.world import World
from storage.database import Database
from storage.queries import Query
from storage.stores import Stores
from tests.scripted_model import Reply, ScriptedModel

START_S = 20.0
SETTLE_S = 25.0
MANY = 10_000.0
SPEAKERS = ("Hush", "Sprocket")
TAG = re.compile(r"q\d{5}q")
BEGINS = re.compile(r"(q\d{5}q)-begins")
MIDDLE = "the lamp in the harbour burns all night and nobody asks who lights it, "
TURNS = Query(
    "turns_of_the_house",
    """select t.message_id, p.name as speaker, t.state, t.reason,
              (select array_agg(d.state) from deliveries d where d.turn_id = t.id) as chunks
       from turns t join personalities p on p.id = t.personality_id""",
)
_tags = (f"q{number:05d}q" for number in itertools.count())


def text_for(tag: str) -> str:
    """Return the answer to a tag; every other one fills more than one message."""
    return f"{tag}-begins: {MIDDLE * (44 if int(tag[1:6]) % 2 else 3)}and so ends {tag}."


def answer(body: Mapping[str, Any], stream_s: float = 0.8) -> Reply:
    """Answer the newest tag in a prompt as a stream of about this length."""
    text = text_for(TAG.findall(str(body))[-1])
    return Reply(text=text, first_token_s=0.05, rate=len(text.split()) / stream_s)


class Said(msgspec.Struct, frozen=True):
    """A message of a person: where, its tag, and who has to answer it."""

    message_id: int
    channel_id: int
    tag: str
    speaker: str


class House:
    """A sandbox Discord, a model, a database, and a bot that may be started again.

    Attributes:
        app: the bot; None while it is away.
    """

    def __init__(self, dsn: str, limits: Limits | None = None, bot_dsn: str | None = None) -> None:
        self._dsn, self._bot_dsn = dsn, bot_dsn or dsn
        self._world = World.fresh()
        self.sandbox = Sandbox(self._world, page=False, limits=limits)
        self.model = ScriptedModel(answer)
        self.app: App | None = None
        self._address: Address | None = None
        self._stack = contextlib.AsyncExitStack()
        self._numbers = itertools.count()

    async def __aenter__(self) -> Self:
        self._home = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="troupe-faults-"))
        self._stack.callback(_point_back, Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY)
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
        await self.stop()
        await self._stack.aclose()

    @property
    def settings(self) -> Settings:
        assert self._address is not None
        return Settings(
            discord_token=self._address.token,
            discord_api_url=self._address.api,
            discord_gateway_url=self._address.gateway,
            database_url=self._bot_dsn,
            llm_base_url=self.model.base_url,
            llm_model="scripted-1",
            data_dir=self._home,
            http=f"127.0.0.1:{free_port()}",
            worker_host="none",
            user_turns_per_min=0.0,
            guild_turns_per_min=0.0,
            user_burst=MANY,
            guild_burst=MANY,
        )

    async def start(self, settings: Settings | None = None) -> App:
        """Start the bot and wait until it hears."""
        app = self.app = App(settings or self.settings)
        async with asyncio.timeout(START_S):
            await app.start()
            await app.parts.intake.ready.wait()
        return app

    async def stop(self) -> None:
        """Stop the bot in good order."""
        if (app := self.app) is not None:
            self.app = None
            await app.stop()

    def fault(self, kind: str, **fields: object) -> None:
        self.sandbox.faults.add(msgspec.convert({"kind": kind} | fields, Fault))

    def scene(self, channels: int = 2) -> "Scene":
        """Return fresh channels in which nobody has spoken yet."""
        names = [f"scene-{next(self._numbers)}" for _ in range(channels)]
        return Scene(self, [self._world.create_channel(name).id for name in names])

    def person(self, number: int) -> Person:
        return Person(self._world, self._world.people[number])

    async def turns(self) -> dict[tuple[int, str], Mapping[str, Any]]:
        """Return every turn of the ledger, by message and speaker."""
        rows = await self._database.fetch(TURNS)
        return {(row["message_id"], row["speaker"]): dict(row) for row in rows}


class Scene:
    """Some channels of a house, and what was said there."""

    def __init__(self, house: House, channels: list[int]) -> None:
        self.house = house
        self.channels = channels
        self.said: list[Said] = []

    def speak(self) -> list[Said]:
        """Let one person after the other address a character of their own, in every channel."""
        said = [
            self._say(channel, number, speaker)
            for channel in self.channels
            for number, speaker in enumerate(SPEAKERS)
        ]
        self.said += said
        return said

    def _say(self, channel: int, number: int, speaker: str) -> Said:
        tag = next(_tags)
        sent = self.house.person(number).send(channel, f"@{speaker} hello {tag}")
        return Said(int(sent["id"]), channel, tag, speaker)

    def posts(self) -> list[Entry]:
        """Return what characters have posted here, deleted or not."""
        return [entry for entry in self._entries() if entry.action == "post"]

    async def visible(self, count: int = 1) -> None:
        """Wait until so many messages of characters are to be seen."""
        async with asyncio.timeout(SETTLE_S):
            while len(self.posts()) < count:  # noqa: ASYNC110 - the sandbox sends no event to tests
                await asyncio.sleep(0.01)

    async def outcomes(self) -> list[tuple[str, str | None]]:
        """Return how the turns here have ended, with their reasons, once all have."""
        async with asyncio.timeout(SETTLE_S):
            while True:
                turns = await self.house.turns()
                found = [turns.get((said.message_id, said.speaker), {}) for said in self.said]
                if all(turn.get("state") in {"done", "failed", "silent"} for turn in found):
                    return [(turn["state"], turn["reason"]) for turn in found]
                await asyncio.sleep(0.03)

    def texts(self) -> list[str]:
        """Return what characters are seen to have said here, oldest first."""
        return [
            str(message["content"])
            for channel in self.channels
            for message in self.house.sandbox.world.messages(channel, limit=500)
            if message.get("webhook_id")
        ]

    async def settled(self, within_s: float = SETTLE_S) -> None:
        """Wait until every promise is kept.

        Raises:
            AssertionError: that took too long; tells what is wrong.
        """
        try:
            async with asyncio.timeout(within_s):
                while await self.complaints():  # noqa: ASYNC110 - same
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise AssertionError(f"after {within_s} s: {await self.complaints()}") from None

    async def complaints(self) -> list[str]:
        """Return what breaks the promise: nothing lost, nothing twice, one outcome, the whole text."""
        turns = await self.house.turns()
        found = [
            f"{said.tag} by {said.speaker}: {wrong}"
            for said in self.said
            for wrong in self._wrong(said, turns.get((said.message_id, said.speaker)))
        ]
        ours = {said.message_id for said in self.said}
        silent = [one.id for one in await self.house.stores.messages.unconsidered() if one.id in ours]
        return found + [f"never considered {message_id}" for message_id in silent] + self._strangers()

    def _wrong(self, said: Said, turn: Mapping[str, Any] | None) -> list[str]:
        if turn is None or turn["state"] != "done":
            return [f"turn {turn}"]
        begun = {entry.message_id for entry in self._entries() if f"{said.tag}-begins" in entry.content}
        wrong = [] if len(begun) == 1 else [f"begun in {len(begun)} messages"]
        if set(turn["chunks"] or ()) != {"final"}:
            wrong.append(f"chunks {turn['chunks']}")
        shown = self._shown(said)
        if _bare("".join(shown)) != _bare(text_for(said.tag)):
            wrong.append(f"shows {[text[:20] + ' … ' + text[-20:] for text in shown]}")
        return wrong

    def _shown(self, said: Said) -> list[str]:
        """Return the visible texts of a speaker from the beginning of this answer to the next one."""
        texts = [
            str(message["content"])
            for message in self.house.sandbox.world.messages(said.channel_id, limit=500)
            if message["author"]["username"] == said.speaker
        ]
        starts = [index for index, text in enumerate(texts) if BEGINS.match(text)]
        first = next((index for index in starts if texts[index].startswith(said.tag)), len(texts))
        return texts[first : next((index for index in starts if index > first), len(texts))]

    def _strangers(self) -> list[str]:
        """Return beginnings of answers that nobody has asked for."""
        asked = {said.tag for said in self.said}
        begun = {tag for entry in self._entries() for tag in BEGINS.findall(entry.content)}
        return [f"{tag} was never asked for here" for tag in begun - asked]

    def _entries(self) -> list[Entry]:
        ledger, here = self.house.sandbox.ledger.entries, set(self.channels)
        return [entry for entry in ledger if entry.webhook_id and entry.channel_id in here]


def _bare(text: str) -> str:
    return "".join(text.split())


def _point_back(base: str, gateway: Any) -> None:
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway
