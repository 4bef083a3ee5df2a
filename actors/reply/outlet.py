"""What the actors need of the place where replies become visible. `bot.delivery` implements it on Discord."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

import msgspec

from config.errors import TroupeError
from storage.records import Chunk, Personality, Turn, Venue


class DeliveryError(TroupeError):
    """The reply could not be shown."""


class VenueGoneError(DeliveryError):
    """Channel, thread or permission is gone; the turn ends without a visible outcome."""


class Posted(msgspec.Struct, frozen=True):
    """A visible message of a finished delivery, with its final text."""

    message_id: int
    text: str


class Delivery(Protocol):
    """The visible outcome of one turn: a message that grows, continues in further ones, and ends.

    Attributes:
        is_cut_short: somebody deleted a message of it, and so ended it.
        is_unrecorded: its next message must not be posted yet, for the ledger does not know of it.
    """

    is_cut_short: bool = False
    is_unrecorded: bool = False

    async def visible(self) -> None:
        """Wait until anything of it is to be seen."""
        ...

    def show(self, text: str) -> None:
        """Take the whole visible text so far; returns at once, edits follow as limits allow."""
        ...

    async def finish(self, text: str, footer: str | None = None) -> tuple[Posted, ...]:
        """Make `text` the final state, authoritatively. `footer` is set in small print at the end.

        Raises:
            DeliveryError: it could not be shown; what was posted stays recorded.
        """
        ...

    async def fail(self, notice: str) -> tuple[Posted, ...]:
        """End the turn with an in-character notice: below text already shown, else alone."""
        ...

    async def abandon(self) -> None:
        """Stop without a further word: nothing more becomes visible, what is shown stays."""
        ...


class Outlet(Protocol):
    """A place where characters can be seen typing and speaking."""

    def open(self, turn: Turn, speaker: Personality) -> Delivery:
        """Begin the delivery of a turn; nothing is visible before the first `show` or `finish`."""
        ...

    async def resume(self, turn: Turn, speaker: Personality, chunks: Sequence[Chunk]) -> tuple[Delivery, str]:
        """Take up a delivery that the end of a process cut off, in the same visible messages.

        Args:
            turn: the turn.
            speaker: who speaks.
            chunks: its messages as far as they are known; a post in doubt is looked for.

        Returns:
            the delivery, and the text that is visible of it.

        Raises:
            DeliveryError: its messages cannot be found.
        """
        ...

    def typing(self, venue: Venue) -> AbstractAsyncContextManager[None]:
        """Show the typing line while the body runs; failures to do so are ignored."""
        ...

    async def remark(self, venue: Venue, words: str) -> None:
        """Say something in small print as the bot itself, once; best effort."""
        ...

    async def prepare(self, venue: Venue, speaker_id: UUID) -> None:
        """Make what a first post will need (a webhook) ready ahead of time; best effort."""
        ...
