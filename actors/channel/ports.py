"""What a channel needs of the layers around it; the stores fit in."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from actors.channel.admission import Admission
from actors.channel.rates import TurnRates
from actors.personality.messages import Speak, Withdraw
from storage.records import Message, Personality, TurnState, Venue


class Name(Protocol):
    """As much of a character as it takes to hear its name."""

    @property
    def id(self) -> UUID:
        """Which character."""
        ...

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def slug(self) -> str:
        """Its handle."""
        ...


class Messages(Protocol):
    """The transcript that the window is rebuilt from."""

    async def window(self, channel_id: int, limit: int) -> list[Message]:
        """Return the newest messages, oldest first."""
        ...

    async def get(self, message_id: int) -> Message | None:
        """Return one message."""
        ...


class Rosters(Protocol):
    """Who lives where."""

    async def of(self, channel_id: int) -> list[Personality]:
        """Return the characters of a channel in order of arrival."""
        ...


class Personalities(Protocol):
    """All definitions."""

    async def get(self, personality_id: UUID) -> Personality | None:
        """Return a character that is not deleted."""
        ...

    async def directory(self, viewer_id: int | None) -> Sequence[Name]:
        """List all names that the viewer may call."""
        ...


class Deliveries(Protocol):
    """What became visible."""

    async def by_message(self, message_id: int) -> tuple[UUID, UUID] | None:
        """Return the personality and the turn that a visible message belongs to."""
        ...


class Turns(Protocol):
    """The ledger of who owes an answer to what."""

    async def consider(
        self,
        message: Message,
        speakers: Sequence[UUID],
        *,
        at: datetime,
        deadline: datetime,
        trace_id: str = "",
        silence: str | None = None,
    ) -> None:
        """Record that it is decided who answers a message, and plan their turns; or why nobody speaks."""
        ...

    async def advance(self, turn_id: UUID, state: TurnState, *, reason: str | None = None) -> bool:
        """Move a turn to its next state; False if it is there already."""
        ...


@dataclass(frozen=True, slots=True)
class ChannelPorts:
    """The surroundings of a channel.

    Attributes:
        messages, rosters, personalities, deliveries, turns: what is kept.
        instruct: tells the personality of a channel something.
        remark: says something visibly as the bot itself, as well as possible.
        admission: bounds the turns in flight in this process.
        rates: bounds the turns that a person and a server may cause.
        window_messages: how many messages the window holds at most.
        settle_s: seconds that what called nobody waits for more of its author's words.
        deadline_s: seconds after which a turn that has not ended is given up.
        draw: a random number in [0, 1).
        now: the time, with a zone.
    """

    messages: Messages
    rosters: Rosters
    personalities: Personalities
    deliveries: Deliveries
    turns: Turns
    instruct: Callable[[int, UUID, Speak | Withdraw], None]
    remark: Callable[[Venue, str], Coroutine[Any, Any, None]]
    admission: Admission
    rates: TurnRates
    window_messages: int
    settle_s: float
    deadline_s: float
    draw: Callable[[], float]
    now: Callable[[], datetime]
