"""A channel with its personalities, and people who write into it; all around it is scripted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from pykka import ActorRegistry

from actors.channel.actor import ChannelActor
from actors.channel.admission import Admission, AdmissionPolicy, TurnKey
from actors.channel.messages import MessageCreated
from actors.channel.ports import ChannelPorts
from actors.channel.rates import Rate, TurnRates
from actors.models.chat import ChatRequest
from actors.personality.actor import PersonalityActor
from actors.personality.messages import Speak, TurnEnded, Withdraw
from actors.personality.ports import Ports
from actors.runtime.ref import AsyncioRef
from config.errors import TroupeError
from storage.records import Message, Personality
from tests.actors.scripted import (
    EPOCH,
    STAGE,
    FixedVoice,
    MemoryOutlet,
    MemoryTranscript,
    MemoryTurns,
    ScriptedChat,
    Step,
    message,
    personality,
)

ADA, BOB, CYN = (personality(name) for name in ("Ada", "Bob", "Cyn"))
SECRET = personality("Secret", is_public=False, owner_id=message("").author.id)
UNLIMITED = Rate(0.0, 0.0)
UNBOUNDED = AdmissionPolicy(at_once=0)
OWNER = message("", author="Owner").author.id


class Memory:
    """The stores of a channel as plain collections."""

    def __init__(self, roster: Sequence[Personality]) -> None:
        self.roster = list(roster)
        self.everyone = {person.id: person for person in (ADA, BOB, CYN, SECRET, *roster)}
        self.said: dict[int, Message] = {}
        self.streaming: dict[int, tuple[UUID, UUID]] = {}
        self.away = 0

    async def of(self, channel_id: int) -> list[Personality]:
        assert channel_id == STAGE.channel_id
        if self.away:
            self.away -= 1
            raise TroupeError("away", retryable=True)
        return list(self.roster)

    async def window(self, channel_id: int, limit: int) -> list[Message]:
        assert channel_id == STAGE.channel_id
        return sorted(self.said.values(), key=lambda said: said.id)[-limit:]

    async def directory(self, viewer_id: int | None) -> list[Personality]:
        return [who for who in self.everyone.values() if who.is_public or who.owner_id == viewer_id]

    async def by_message(self, message_id: int) -> tuple[UUID, UUID] | None:
        return self.streaming.get(message_id)


class Messages:
    def __init__(self, memory: Memory) -> None:
        self.window = memory.window
        self._memory = memory

    async def get(self, message_id: int) -> Message | None:
        return self._memory.said.get(message_id)


class Personalities:
    def __init__(self, memory: Memory) -> None:
        self.directory = memory.directory
        self._memory = memory

    async def get(self, personality_id: UUID) -> Personality | None:
        return self._memory.everyone.get(personality_id)


class Stage:
    """A channel, its personalities, and people who write into it."""

    def __init__(
        self,
        *scripts: Sequence[Step] | Callable[[ChatRequest], Sequence[Step]],
        roster: Sequence[Personality] = (ADA, BOB),
        settle_s: float = 0.0,
        user: Rate = UNLIMITED,
        bounds: AdmissionPolicy = UNBOUNDED,
    ) -> None:
        self.memory = Memory(roster)
        self.model = ScriptedChat(*scripts)
        self.outlet = MemoryOutlet()
        self.turns = MemoryTurns()
        self.started = asyncio.get_running_loop().time()
        self.people: dict[UUID, AsyncioRef[PersonalityActor]] = {}
        self.instructed: list[Speak | Withdraw] = []
        self.draw = 0.0
        self.deaf = False
        self.ports = Ports(
            turns=self.turns,
            transcript=MemoryTranscript(),
            model=self.model,
            voice=FixedVoice(),
            outlet=self.outlet,
            deadline_s=180,
            now=self.now,
            jitter=lambda: 0.5,
        )
        self.admission = Admission(bounds, lambda _, verdict: self.channel.tell(verdict))
        self.channel = ChannelActor.start(
            STAGE.channel_id,
            ChannelPorts(
                messages=Messages(self.memory),
                rosters=self.memory,
                personalities=Personalities(self.memory),
                deliveries=self.memory,
                turns=self.turns,
                instruct=self._instruct,
                remark=self.outlet.remark,
                admission=self.admission,
                rates=TurnRates(user, UNLIMITED, lambda user_id: user_id == OWNER),
                window_messages=50,
                settle_s=settle_s,
                deadline_s=300,
                draw=lambda: self.draw,
                now=self.now,
            ),
        )

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time() - self.started)

    def _instruct(self, channel_id: int, who: UUID, order: Speak | Withdraw) -> None:
        assert channel_id == STAGE.channel_id
        self.instructed.append(order)
        if self.deaf:
            return
        if who not in self.people:
            self.people[who] = PersonalityActor.start(self.ports, self._report)
        self.people[who].tell(order)

    def _report(self, ended: TurnEnded) -> None:
        self.admission.leave(TurnKey(STAGE.channel_id, ended.speaker_id, ended.message_id))
        self.channel.tell(ended)

    def say(self, text: str, author: str = "Pip", *, to_answer: bool = True, **fields: object) -> Message:
        at = (self.now() - EPOCH).total_seconds() + len(self.memory.said) / 1000
        said = message(text, at, author, **fields)
        self.memory.said[said.id] = said
        self.channel.tell(MessageCreated(message=said, seen_at=self.now().timestamp(), to_answer=to_answer))
        return said

    async def settle(self, seconds: float = 1.0) -> list[str]:
        await asyncio.sleep(seconds)
        return self.outlet.finals

    @property
    def prompts(self) -> list[str]:
        return ["\n".join(part.content for part in request.messages) for request in self.model.requests]


@pytest.fixture(autouse=True)
async def stop_actors() -> AsyncIterator[None]:
    """Leave no actor behind; for the modules that import it."""
    yield
    for ref in ActorRegistry.get_all():
        ref.stop(block=False)
    await asyncio.sleep(10)
