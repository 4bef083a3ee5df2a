"""What a turn needs of the layers around it; the stores, the models and the bot fit in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from actors.context.request import Profile
from actors.models.chat import ChatModel, Endpoint
from actors.reply.outlet import Outlet
from storage.letters import Failure
from storage.records import Message, Turn, TurnState


class TurnLedger(Protocol):
    """Keeps the state of every turn."""

    async def begin(self, turn: Turn) -> bool:
        """Record that a turn is taken up, with the messages collected into it; False if it was before."""
        ...

    async def fail(
        self, turn: Turn, *, reason: str, errors: Sequence[Failure] = (), attempt: int | None = None
    ) -> bool:
        """End a turn as failed and keep its dead letter; False if it had failed already."""
        ...

    async def advance(
        self, turn_id: UUID, state: TurnState, *, reason: str | None = None, attempt: int | None = None
    ) -> bool:
        """Move a turn to its next state; False if it is there already."""
        ...


class Transcript(Protocol):
    """Keeps what was said."""

    async def record(self, message: Message) -> bool:
        """Keep a message, once; False if it is known, then only its character is taken over."""
        ...

    async def edit(self, message_id: int, text: str, edited_at: datetime) -> bool:
        """Take over another text of a message."""
        ...


Candidate = tuple[Endpoint | None, Profile]
"""A model, its endpoint None for the embedded one, and how it wants to be prompted."""


class Voice(Protocol):
    """Which model speaks at the moment."""

    def candidates(self) -> Sequence[Candidate]:
        """Return the models that may speak, best first; never none.

        Raises:
            ModelError: it is not known which model to ask.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """The surroundings of a turn.

    Attributes:
        turns: the ledger of turns.
        transcript: where delivered words are kept.
        model: answers requests.
        voice: which model that is, asked anew for every attempt.
        outlet: where words become visible.
        deadline_s: seconds from start to the last generated word.
        now: the time, with a zone.
        jitter: a random number in [0, 1), for pauses between attempts.
    """

    turns: TurnLedger
    transcript: Transcript
    model: ChatModel
    voice: Voice
    outlet: Outlet
    deadline_s: float
    now: Callable[[], datetime]
    jitter: Callable[[], float]
