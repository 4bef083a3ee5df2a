"""An outlet against the local Discord over sockets, with ledgers in memory."""

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import aiohttp
import discord
import msgspec
import pytest
from PIL import Image

from bot.delivery.limits import Limits as Limiting
from bot.delivery.line import Line
from bot.delivery.outlet import DiscordOutlet, Surroundings
from bot.delivery.rest import WebhookRest
from bot.delivery.voice import ClientVoice
from sandbox.faults import Fault
from sandbox.limits import NO_LIMITS, Limits
from sandbox.people import Person
from sandbox.server import Sandbox
from sandbox.world import Seed, World
from storage.errors import StorageUnavailableError
from storage.records import Personality, Turn, Venue
from storage.stores.webhooks import Webhook
from tests.sandbox.referee import SPECIFICATION, Referee

CHANNELS = tuple(f"scene-{number}" for number in range(64))


class MemoryDeliveries:
    """The ledger of deliveries, as a list of what was written."""

    def __init__(self) -> None:
        self.written: list[tuple[UUID, str, int, str]] = []
        self.is_away = False

    def steps(self) -> list[str]:
        return [step for _, step, _, _ in self.written]

    def last(self, step: str, position: int = 0) -> str:
        return next(value for _, s, p, value in reversed(self.written) if (s, p) == (step, position))

    async def _write(self, turn_id: UUID, step: str, position: int, value: object) -> bool:
        if self.is_away:
            raise StorageUnavailableError
        self.written.append((turn_id, step, position, str(value)))
        return True

    async def plan(self, turn_id: UUID, position: int, text: str = "") -> bool:
        return await self._write(turn_id, "plan", position, text)

    async def posting(self, turn_id: UUID, position: int, webhook_id: int) -> bool:
        return await self._write(turn_id, "posting", position, webhook_id)

    async def posted(self, turn_id: UUID, position: int, message_id: int) -> bool:
        return await self._write(turn_id, "posted", position, message_id)

    async def checkpoint(self, turn_id: UUID, position: int, text: str) -> bool:
        return await self._write(turn_id, "checkpoint", position, text)

    async def final(self, turn_id: UUID, position: int, text: str) -> bool:
        return await self._write(turn_id, "final", position, text)

    async def gone(self, turn_id: UUID, position: int) -> bool:
        return await self._write(turn_id, "gone", position, "")

    async def by_message(self, message_id: int) -> tuple[UUID, UUID] | None:
        posts = (
            turn_id
            for turn_id, step, _, value in self.written
            if (step, value) == ("posted", str(message_id))
        )
        return next(((turn_id, turn_id) for turn_id in posts), None)


class MemoryWebhooks:
    """The ledger of webhooks."""

    def __init__(self) -> None:
        self.kept: dict[int, Webhook] = {}
        self.is_away = False

    def _reach(self) -> None:
        if self.is_away:
            raise StorageUnavailableError

    async def of(self, channel_id: int) -> list[Webhook]:
        self._reach()
        return [webhook for webhook in self.kept.values() if webhook.channel_id == channel_id]

    async def get(self, webhook_id: int) -> Webhook | None:
        self._reach()
        return self.kept.get(webhook_id)

    async def add(self, webhook: Webhook) -> None:
        self._reach()
        self.kept[webhook.id] = webhook

    async def forget(self, webhook_id: int) -> bool:
        self._reach()
        return self.kept.pop(webhook_id, None) is not None


class MemoryFaces:
    """Pictures by hash."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.is_away = False

    async def get(self, face_hash: str) -> bytes | None:
        if self.is_away:
            raise StorageUnavailableError
        return self.kept.get(face_hash)


class Theatre:
    """The local Discord, an outlet on it, and what can be asked about both."""

    def __init__(self, box: Sandbox, rest: WebhookRest) -> None:
        self.box = box
        self.rest = rest
        self.referee = Referee()
        self.deliveries = MemoryDeliveries()
        self.webhooks = MemoryWebhooks()
        self.faces = MemoryFaces()
        self.people: dict[UUID, Personality] = {}
        self.client: discord.Client | None = None
        self.around = Surroundings(
            rest=rest,
            voice=ClientVoice(lambda: self.client),
            deliveries=self.deliveries,
            webhooks=self.webhooks,
            faces=self.faces,
            personality=self._find,
            public_face=lambda _: None,
            application_id=lambda: box.world.application_id,
        )
        self.outlet = DiscordOutlet(self.around)

    async def _find(self, personality_id: UUID) -> Personality | None:
        return self.people.get(personality_id)

    def channel(self, number: int = 0) -> int:
        return self.box.world.channel(CHANNELS[number])

    def venue(self, number: int = 0) -> Venue:
        return Venue(channel_id=self.channel(number), guild_id=self.box.world.guild_id)

    def cast(self, name: str = "Wick", face_hash: str | None = None) -> Personality:
        speaker = Personality(id=uuid4(), name=name, slug=name.lower(), face_hash=face_hash)
        self.people[speaker.id] = speaker
        return speaker

    def turn(self, speaker: Personality, venue: Venue | None = None) -> Turn:
        now = datetime.now(UTC)
        return Turn(
            id=uuid4(),
            message_id=discord.utils.time_snowflake(now - timedelta(seconds=5)),
            personality_id=speaker.id,
            venue=venue or self.venue(),
            author_id=1,
            deadline=now + timedelta(seconds=180),
            created_at=now,
        )

    def person(self) -> Person:
        return Person(self.box.world, self.box.world.people[0])

    def fault(self, kind: str, path: str, **fields: object) -> None:
        self.box.faults.add(msgspec.convert({"kind": kind, "path": path} | fields, Fault))

    def limit(self, limits: Limits) -> None:
        self.box.limiter.limits = limits

    def forgive(self) -> None:
        """Forget complaints about requests that the test made wrong on purpose."""
        self.referee.request_complaints.clear()

    def delete_webhooks(self) -> None:
        for webhook_id in list(self.box.world.state.webhooks):
            self.box.world.state.delete_webhook(webhook_id)

    def delete_messages(self) -> None:
        for message in self.box.world.messages(self.channel()):
            self.box.world.state.delete_message(self.channel(), int(message["id"]))

    def face_of(self, webhook_id: int) -> str | None:
        webhook = self.box.world.state.webhooks[webhook_id]
        return self.box.world.state.users[webhook.webhook_user_id].avatar

    def visible(self, channel_id: int | None = None) -> list[str]:
        """Return what a reader sees in a channel, oldest first."""
        return [str(m["content"]) for m in self.box.world.messages(channel_id or self.channel())]

    def refused(self) -> int:
        """Return the number of 429s so far."""
        return sum(count for (_, status), count in self.box.ledger.counts.items() if status == 429)


@pytest.fixture
async def theatre(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Theatre]:
    """Everything wired, no limits; every request and answer is checked against Discord's own description."""
    box = Sandbox(World.fresh(Seed(channels=CHANNELS)), page=False, limits=NO_LIMITS)
    address = await box.start()
    monkeypatch.setattr(discord.http.Route, "BASE", address.api)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        made = Theatre(box, WebhookRest(session, address.token, Line(Limiting())))
        if SPECIFICATION.exists():
            box.rest.observers.append(made.referee.observe)
        yield made
    await box.stop()
    assert box.world.gaps == []
    assert made.referee.request_complaints == []
    assert made.referee.answer_complaints == []


@pytest.fixture
async def client(theatre: Theatre) -> AsyncIterator[discord.Client]:
    """A stock client that is logged in and speaks for the bot."""
    async with discord.Client(intents=discord.Intents.none()) as made:
        await made.login(theatre.box.token)
        theatre.client = made
        yield made


@pytest.fixture
def picture() -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(out, "PNG")
    return out.getvalue()
