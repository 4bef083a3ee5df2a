"""In-memory twins of the contracts around the actors: a model with a script, an outlet that remembers.

They are as simple as the contracts allow and hold no logic of the product; the real ones are tested over
sockets in their own parts.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

from msgspec.structs import replace

from actors.models.chat import ChatRequest, Delta, Endpoint, Finished, FinishReason, Sampling
from actors.reply.outlet import Posted
from config.errors import TroupeError
from storage.letters import Failure
from storage.records import TURNS, Author, Chunk, Message, Personality, Turn, TurnState, Venue, turn_id

EPOCH = datetime(2025, 11, 24, 20, 0, tzinfo=UTC)
DISCORD_EPOCH_MS = 1_420_070_400_000
STAGE = Venue(channel_id=10, guild_id=1, name="stage")

Step = str | float | Exception | Finished
"""A piece of text, a pause in seconds, an error, or the regular end."""


def snowflake(seconds: float) -> int:
    """Return a snowflake of this many seconds after the epoch of the tests."""
    moment = int((EPOCH.timestamp() + seconds) * 1000)
    return (moment - DISCORD_EPOCH_MS) << 22


def personality(name: str, **fields: object) -> Personality:
    return Personality(
        id=uuid5(TURNS, name), name=name, slug=name.lower(), error_message=f"{name} coughs.", **fields
    )


def message(text: str, at: float = 0.0, author: str = "Pip", **fields: object) -> Message:
    who = Author(id=int.from_bytes(author.encode()), name=author)
    return Message(
        **{
            "id": snowflake(at),
            "venue": STAGE,
            "author": who,
            "text": text,
            "created_at": EPOCH + timedelta(seconds=at),
            **fields,
        }
    )


class ScriptedChat:
    """Answers each request with the next script, the last one for ever; a callable sees the request."""

    def __init__(self, *scripts: Sequence[Step] | Callable[[ChatRequest], Sequence[Step]]) -> None:
        self.scripts = list(scripts)
        self.requests: list[ChatRequest] = []
        self.cancelled = 0

    async def stream(self, request: ChatRequest) -> AsyncIterator[Delta | Finished]:
        self.requests.append(request)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        try:
            for step in script(request) if callable(script) else script:
                match step:
                    case str():
                        yield Delta(step)
                    case Exception():
                        raise step
                    case Finished():
                        yield step
                        return
                    case _:
                        await asyncio.sleep(step)
            yield Finished()
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise


def finished(reason: FinishReason) -> Finished:
    return Finished(reason)


@dataclass
class MemoryDelivery:
    """One delivery and all that became visible of it."""

    turn: Turn
    message_id: int
    shown: list[str] = field(default_factory=list)
    final: str | None = None
    footer: str | None = None
    notice: str | None = None
    abandoned: bool = False
    is_cut_short: bool = False
    is_unrecorded: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    refuse: Exception | None = None
    on_final: Callable[[], None] = lambda: None

    async def visible(self) -> None:
        await self.begun.wait()

    def show(self, text: str) -> None:
        self.shown.append(text)
        self.begun.set()

    async def finish(self, text: str, footer: str | None = None) -> tuple[Posted, ...]:
        if self.refuse is not None:
            raise self.refuse
        self.final, self.footer = text, footer
        self.on_final()
        return (Posted(self.message_id, text if footer is None else f"{text}\n-# {footer}"),)

    async def fail(self, notice: str) -> tuple[Posted, ...]:
        if self.refuse is not None:
            raise self.refuse
        self.notice = notice
        self.on_final()
        return (Posted(self.message_id, notice),)

    async def abandon(self) -> None:
        self.abandoned = True


class MemoryOutlet:
    """Remembers deliveries in order and who was typing."""

    def __init__(self) -> None:
        self.deliveries: list[MemoryDelivery] = []
        self.finals: list[str] = []
        self.typing_now = 0
        self.typed = 0
        self.prepared: list[UUID] = []
        self.remarks: list[str] = []
        self.refuse: Exception | None = None
        self.is_unrecorded = False

    def open(self, turn: Turn, speaker: Personality) -> MemoryDelivery:
        delivery = MemoryDelivery(
            turn,
            snowflake(1000 + len(self.deliveries)),
            is_unrecorded=self.is_unrecorded,
            refuse=self.refuse,
        )
        delivery.on_final = lambda: self.finals.append(f"{speaker.name}: {delivery.final or delivery.notice}")
        self.deliveries.append(delivery)
        return delivery

    async def resume(
        self, turn: Turn, speaker: Personality, chunks: Sequence[Chunk]
    ) -> tuple[MemoryDelivery, str]:
        if self.refuse is not None:
            raise self.refuse
        return self.open(turn, speaker), "\n\n".join(chunk.text for chunk in chunks)

    @asynccontextmanager
    async def typing(self, venue: Venue) -> AsyncIterator[None]:
        assert venue.channel_id
        self.typing_now += 1
        self.typed += 1
        try:
            yield
        finally:
            self.typing_now -= 1

    async def remark(self, venue: Venue, words: str) -> None:
        assert venue.channel_id
        self.remarks.append(words)

    async def prepare(self, venue: Venue, speaker_id: UUID) -> None:
        assert venue.channel_id
        self.prepared.append(speaker_id)


class MemoryTurns:
    """The ledger as a dictionary."""

    def __init__(self) -> None:
        self.turns: dict[UUID, Turn] = {}
        self.states: dict[UUID, list[TurnState]] = {}
        self.reasons: dict[UUID, str | None] = {}
        self.letters: dict[UUID, tuple[Failure, ...]] = {}
        self.considered: dict[int, tuple[UUID, ...]] = {}
        self.broken: TroupeError | None = None

    async def consider(
        self, message: Message, speakers: Sequence[UUID], *, silence: str | None = None, **_: object
    ) -> None:
        if self.broken is not None:
            raise self.broken
        self.considered[message.id] = tuple(speakers)
        if silence is not None:
            self.reasons |= {turn_id(message.id, who): silence for who in speakers}

    async def begin(self, turn: Turn) -> bool:
        if self.broken is not None:
            raise self.broken
        if turn.id in self.turns:
            return False
        self.turns[turn.id] = turn
        self.states[turn.id] = ["planned"]
        return True

    async def fail(self, turn: Turn, *, reason: str, errors: Sequence[Failure] = (), **_: object) -> bool:
        self.letters[turn.id] = tuple(errors)
        return await self.advance(turn.id, "failed", reason=reason)

    async def advance(
        self, turn_id: UUID, state: TurnState, *, reason: str | None = None, attempt: int | None = None
    ) -> bool:
        assert attempt is None or attempt > 0
        if self.broken is not None:
            raise self.broken
        self.states.setdefault(turn_id, []).append(state)
        self.reasons[turn_id] = reason
        return True


class MemoryTranscript:
    """What was said, as a dictionary."""

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        self.broken: TroupeError | None = None

    async def record(self, message: Message) -> bool:
        if self.broken is not None:
            raise self.broken
        is_new = message.id not in self.messages
        self.messages.setdefault(message.id, message)
        return is_new

    async def edit(self, message_id: int, text: str, edited_at: datetime) -> bool:
        if message_id not in self.messages:
            return False
        self.messages[message_id] = replace(self.messages[message_id], text=text, edited_at=edited_at)
        return True


@dataclass
class FixedVoice:
    """One model for ever, and others that stand in for it; it is its own profile."""

    endpoint: Endpoint | None = None
    form: Literal["chat", "transcript"] = "chat"
    prompt_tokens: int = 4000
    sampling: Sampling = field(default_factory=Sampling)

    others: tuple["FixedVoice", ...] = ()

    def candidates(self) -> tuple[tuple[Endpoint | None, "FixedVoice"], ...]:
        return tuple((each.endpoint, each) for each in (self, *self.others))
