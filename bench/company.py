"""The company of the service over stores that only know what was said, instead of a database."""

import random
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pydoc_data.topics import topics
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from actors.channel.company import Company
from actors.channel.messages import MessagesDeleted
from actors.runtime.envelope import Quiet
from config.settings import Settings
from storage.records import Author, Message, Personality, Venue
from storage.stores import Stores

WINDOW, TEXT, CAST = 50, 200, 3
NOTHING = MessagesDeleted(message_ids=(0,))
"""An event that changes nothing, but a channel looks for it."""

Text = Callable[[random.Random], str]
PROSE = re.sub(r"\s+", " ", " ".join(topics.values()))
"""English as people write it: the manual that comes with Python."""
NOISE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ."


def prose(dice: random.Random) -> str:
    """Return a text of `TEXT` characters from anywhere in the manual."""
    start = dice.randrange(len(PROSE) - TEXT)
    return PROSE[start : start + TEXT]


def noise(dice: random.Random) -> str:
    """Return `TEXT` characters that no compression makes much shorter."""
    return "".join(dice.choices(NOISE, k=TEXT))


class Said:
    """A transcript that makes each message anew, as a database does."""

    def __init__(self, text: Text) -> None:
        self._text = text

    async def window(self, channel_id: int, limit: int) -> list[Message]:
        """Return the newest messages of a channel."""
        return messages(channel_id, limit, self._text)


class Casts:
    """Rosters with characters of their own in every channel."""

    async def of(self, channel_id: int) -> list[Personality]:
        """Return the characters of a channel."""
        dice = random.Random(channel_id)
        return [
            Personality(id=UUID(int=dice.getrandbits(128)), name="somebody", slug="somebody", who=prose(dice))
            for _ in range(CAST)
        ]


def messages(channel_id: int, count: int, text: Text) -> list[Message]:
    """Make what was said in a channel."""
    dice = random.Random(channel_id)
    return [
        Message(
            id=(channel_id << 22) + number,
            venue=Venue(channel_id=channel_id, guild_id=channel_id >> 3, name="a channel"),
            author=Author(id=dice.getrandbits(60), name="somebody"),
            text=text(dice),
            created_at=datetime.now(UTC),
        )
        for number in range(count)
    ]


def company_of(text: Text) -> Company:
    """Make the company of the service, over stores that only know what was said and who lives where."""
    stores = Stores(cast("Any", None))
    stores.messages, stores.rosters = cast("Any", Said(text)), cast("Any", Casts())
    nobody = cast("Any", SimpleNamespace(remark=None))
    return Company(stores, nobody, nobody, nobody, Settings(window_messages=WINDOW))


def wake(company: Company, channel_ids: Iterable[int]) -> None:
    """Let channels hear of something that changes nothing."""
    for channel_id in channel_ids:
        company.tell(channel_id, NOTHING)


async def fall_quiet(company: Company, channel_ids: Iterable[int]) -> None:
    """Tell channels what their directory tells them after a minute, and wait until they have heard it."""
    for answer in [company.channels.ask(channel_id, Quiet(), 60.0) for channel_id in channel_ids]:
        await answer
