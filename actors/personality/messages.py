"""What a personality in a channel is told, and what it tells back."""

from typing import Literal
from uuid import UUID

import msgspec

from storage.records import Chunk, Message, Personality, Turn, TurnState

WithdrawReason = Literal["removed", "deleted"]


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that the end of an earlier process cut off.

    `chunks` are its visible messages as far as the ledger knows. With `closing`, the reason, it is not to be
    spoken any further, only closed.
    """

    turn: Turn
    speaker: Personality
    answering: tuple[Message, ...]
    chunks: tuple[Chunk, ...] = ()
    words: str | None = None
    closing: str | None = None

    @property
    def is_begun(self) -> bool:
        """False for a turn that only waited."""
        return bool(self.chunks) or self.turn.state != "planned"


class Speak(msgspec.Struct, frozen=True, kw_only=True):
    """Answer `answering` (at least one message), having heard `window`.

    `note` is shown in small print below the answer; with `words` the answer is known already; `resumed` is
    the turn to go on with. `seen_at` is Unix time in seconds when the first message was seen; `trace` belongs
    to it.
    """

    speaker: Personality
    answering: tuple[Message, ...]
    window: tuple[Message, ...] = ()
    roster: tuple[Personality, ...] = ()
    note: str | None = None
    words: str | None = None
    resumed: Unfinished | None = None
    seen_at: float
    trace: dict[str, str] = {}


class Withdraw(msgspec.Struct, frozen=True):
    """Stop speaking: the personality was taken from the channel or deleted."""

    reason: WithdrawReason


class TurnEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A turn is over. `delivered` are the visible messages as the transcript keeps them."""

    speaker_id: UUID
    message_id: int
    state: TurnState
    reason: str | None = None
    delivered: tuple[Message, ...] = ()
