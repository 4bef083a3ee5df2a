"""After a start: what the end of an earlier process cut off goes on, and what it never came to is told."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from msgspec.structs import replace

from actors.channel.messages import ChannelEvent, MessageCreated, TurnsFound
from actors.personality.messages import Unfinished
from config.logs import get_logger
from config.trigger_points import reach
from storage.records import Author, Message, Personality, Turn
from storage.stores import Stores

RETRIED = "retried"
"""The reason that the ledger gives a failed turn which is planned again."""

log = get_logger(__name__)


class Recovery:
    """Goes through the ledger, all of it before anything new is heard.

    Args:
        stores: everything kept.
        tell: tells a channel.
        max_age_s: age in seconds up to which a message is still answered.
    """

    def __init__(self, stores: Stores, tell: Callable[[int, ChannelEvent], None], max_age_s: float) -> None:
        self._stores = stores
        self._tell = tell
        self._max_age = timedelta(seconds=max_age_s)
        self._cast: dict[UUID, Personality | None] = {}

    async def run(self, now: datetime) -> None:
        """Tell every channel of its unfinished turns, then of the messages nobody decided about.

        Raises:
            StorageUnavailableError: the database is away.
        """
        turns = await self._stores.turns.unfinished()
        messages = await self._stores.messages.unconsidered()
        going_on = await self.take_up(turns, now)
        if turns or messages:
            log.info("recovered", turns=going_on, ended=len(turns) - going_on, messages=len(messages))
        for message in messages:
            is_young = now - message.created_at <= self._max_age
            event = MessageCreated(message=message, seen_at=now.timestamp(), to_answer=is_young)
            self._tell(message.venue.channel_id, event)

    async def take_up(self, turns: Sequence[Turn], now: datetime) -> int:
        """Tell channels of their turns among these, and end those that must not go on; return how many do.

        Raises:
            StorageUnavailableError: the database is away.
        """
        self._cast.clear()
        found = [one for turn in turns if (one := await self._look_at(turn, now)) is not None]
        reach("in_recovery")
        self._tell_of(found, now)
        return len(found)

    def tell_anew(self, message: Message, now: datetime) -> None:
        """Let a channel decide about a message once more, whatever its age."""
        event = MessageCreated(message=message, seen_at=now.timestamp())
        self._tell(message.venue.channel_id, event)

    def _tell_of(self, found: Iterable[Unfinished], now: datetime) -> None:
        """Turns that had begun come first, since each is the one its speaker was at."""
        in_order = sorted(found, key=lambda one: (not one.is_begun, one.turn.created_at, one.turn.message_id))
        for (channel_id, _), group in groupby(
            in_order, key=lambda one: (one.turn.venue.channel_id, one.turn.message_id)
        ):
            turns = tuple(group)
            first = replace(turns[0].answering[0], id=turns[0].turn.message_id)
            event = TurnsFound(message=first, found=turns, seen_at=now.timestamp())
            self._tell(channel_id, event)

    async def _look_at(self, turn: Turn, now: datetime) -> Unfinished | None:
        """Find all that it takes to go on with a turn; one that must not begin any more ends here."""
        chunks = tuple(await self._stores.deliveries.of(turn.id))
        is_begun = bool(chunks) or turn.state != "planned"
        person, is_gone = await self._person(turn.personality_id)
        answering, words = await self._answering(turn, person)
        closing = "deleted" if is_gone else "message deleted" if not answering else None
        is_owed = is_begun or turn.reason == RETRIED
        if not is_owed and closing is None and now - turn.created_at > self._max_age:
            closing = "too old"
        if person is None or (closing is not None and not is_begun):
            await self._stores.turns.advance(turn.id, "silent", reason=closing or "deleted")
            return None
        return Unfinished(
            turn=turn,
            speaker=person,
            answering=answering or (_stand_in(turn),),
            chunks=chunks,
            words=words,
            closing=closing,
        )

    async def _person(self, personality_id: UUID) -> tuple[Personality | None, bool]:
        """Return the speaker, and whether it has been deleted meanwhile."""
        if personality_id not in self._cast:
            self._cast[personality_id] = await self._stores.personalities.ever(personality_id)
        person = self._cast[personality_id]
        return person, person is None or person.deleted_at is not None

    async def _answering(
        self, turn: Turn, person: Personality | None
    ) -> tuple[tuple[Message, ...], str | None]:
        """Return what the turn answers; first words answer a command, which is no message."""
        if person is not None and person.first_message and not await self._is_message(turn):
            return (_stand_in(turn),), person.first_message
        asked = [await self._stores.messages.get(message_id) for message_id in (turn.message_id, *turn.also)]
        return tuple(message for message in asked if message is not None), None

    async def _is_message(self, turn: Turn) -> bool:
        return await self._stores.messages.is_known(turn.message_id)


def _stand_in(turn: Turn) -> Message:
    """Return a message for what is not one, or not any more."""
    author = Author(id=turn.author_id, name="")
    return Message(id=turn.message_id, venue=turn.venue, author=author, text="", created_at=turn.created_at)
