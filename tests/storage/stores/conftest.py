"""Records that the stores' tests start from."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from storage.records import Attachment, Author, Message, Personality, Turn, Venue, turn_id
from storage.stores import Stores

STAGE = Venue(channel_id=500, guild_id=7, kind="guild", name="stage")
ADA = Author(id=3, name="Ada")
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def message() -> Callable[..., Message]:
    """Make a message; keywords override its fields."""

    def make(number: int = 1000, **fields: Any) -> Message:
        plain = Message(id=number, venue=STAGE, author=ADA, text=f"words of {number}", created_at=NOON)
        return msgspec.structs.replace(plain, **fields)

    return make


@pytest.fixture
def rich_message(message: Callable[..., Message]) -> Message:
    """A message with every field set."""
    return message(
        text="hello 😀",
        reply_to=999,
        personality_id=uuid4(),
        author=Author(900, "Lilith", is_bot=True, webhook_id=900),
        venue=Venue(501, 7, 500, "thread", "aside", nsfw=True),
        attachments=(Attachment(1, "a.png", "https://x/a.png", 12, "image/png"), Attachment(2, "b", "u")),
        mentioned_user_ids=(3, 4),
        edited_at=NOON,
    )


@pytest.fixture
def personality() -> Callable[..., Personality]:
    """Make a character; keywords override its fields."""

    def make(name: str = "Lilith", **fields: Any) -> Personality:
        plain = Personality(id=uuid4(), name=name, slug=name.lower().replace(" ", "-"), owner_id=3)
        return msgspec.structs.replace(plain, **fields)

    return make


@pytest.fixture
async def lilith(stores: Stores, personality: Callable[..., Personality]) -> Personality:
    """A character that is kept."""
    made = personality()
    await stores.personalities.create(made)
    return made


@pytest.fixture
def turn(lilith: Personality) -> Callable[..., Turn]:
    """Make a turn of Lilith's; keywords override its fields."""

    def make(message_id: int = 1000, **fields: Any) -> Turn:
        plain = Turn(
            id=turn_id(message_id, lilith.id),
            message_id=message_id,
            personality_id=lilith.id,
            venue=STAGE,
            author_id=3,
            deadline=NOON,
            created_at=NOON,
        )
        return msgspec.structs.replace(plain, **fields)

    return make


@pytest.fixture
async def planned(stores: Stores, turn: Callable[..., Turn]) -> UUID:
    """The id of a turn that is kept as planned."""
    made = turn()
    await stores.turns.plan(made)
    return made.id
