import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from storage.database import Database
from storage.queries import Query
from storage.records import Author, Message, Venue
from storage.stores import Stores

pytestmark = pytest.mark.service

Make = Callable[..., Message]
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


async def test_a_message_comes_back_as_it_was(stores: Stores, rich_message: Message) -> None:
    assert await stores.messages.record(rich_message)
    assert await stores.messages.get(rich_message.id) == rich_message


async def test_a_message_seen_again_is_not_new_and_changes_nothing(stores: Stores, message: Make) -> None:
    first = message()
    assert await stores.messages.record(first)
    assert not await stores.messages.record(message(text="other", edited_at=NOON))
    assert await stores.messages.get(first.id) == first


async def test_of_two_that_record_at_once_one_is_first(stores: Stores, message: Make) -> None:
    new = await asyncio.gather(*(stores.messages.record(message()) for _ in range(10)))
    assert sorted(new) == [False] * 9 + [True]


async def test_a_message_learns_later_which_character_said_it(stores: Stores, message: Make) -> None:
    speaker = uuid4()
    await stores.messages.record(message())
    assert not await stores.messages.record(message(personality_id=speaker))
    assert not await stores.messages.record(message(personality_id=uuid4()))
    found = await stores.messages.get(1000)
    assert found
    assert found.personality_id == speaker


async def test_a_channel_that_was_renamed_is_seen_under_its_new_name(stores: Stores, message: Make) -> None:
    await stores.messages.record(message(1))
    renamed = Venue(500, 7, None, "guild", "big stage", nsfw=True)
    await stores.messages.record(message(2, venue=renamed))
    assert [seen.venue for seen in await stores.messages.window(500, 10)] == [renamed, renamed]


async def test_an_author_keeps_the_name_of_then_and_the_user_has_the_newest(
    stores: Stores, database: Database, message: Make
) -> None:
    await stores.messages.record(message(1))
    await stores.messages.record(message(2, author=Author(3, "Ada Lovelace")))
    assert [seen.author.name for seen in await stores.messages.window(500, 10)] == ["Ada", "Ada Lovelace"]
    assert await database.fetch_value(Query("users", "select name from users where id = 3")) == "Ada Lovelace"


async def test_a_webhook_is_no_user(stores: Stores, database: Database, rich_message: Message) -> None:
    await stores.messages.record(rich_message)
    assert await database.fetch_value(Query("users", "select count(*) from users")) == 0


async def test_a_direct_message_has_no_guild(stores: Stores, message: Make) -> None:
    direct = message(venue=Venue(600, kind="dm"))
    await stores.messages.record(direct)
    assert await stores.messages.get(direct.id) == direct


async def test_the_window_holds_the_newest_oldest_first(stores: Stores, message: Make) -> None:
    for number in (5, 3, 4, 1, 2):
        await stores.messages.record(message(number))
    await stores.messages.record(message(6, venue=Venue(501)))
    assert [seen.id for seen in await stores.messages.window(500, 3)] == [3, 4, 5]
    assert [seen.id for seen in await stores.messages.window(500, 3, before=4)] == [1, 2, 3]
    assert await stores.messages.window(1, 3) == []


async def test_an_edit_is_taken_over_unless_a_newer_is_known(stores: Stores, message: Make) -> None:
    await stores.messages.record(message())
    assert await stores.messages.edit(1000, "second", NOON + timedelta(seconds=2))
    assert not await stores.messages.edit(1000, "first", NOON + timedelta(seconds=1))
    assert not await stores.messages.edit(1, "unknown", NOON)
    assert await stores.messages.get(1000) == message(text="second", edited_at=NOON + timedelta(seconds=2))


async def test_a_deleted_message_is_hidden_but_stays_the_last_seen(stores: Stores, message: Make) -> None:
    await stores.messages.record(message(1))
    await stores.messages.record(message(2))
    assert await stores.messages.delete(2)
    assert not await stores.messages.delete(2)
    assert await stores.messages.get(2) is None
    assert [seen.id for seen in await stores.messages.window(500, 10)] == [1]
    assert await stores.messages.last_seen(500) == 2
    assert not await stores.messages.record(message(2))


async def test_a_channel_without_messages_has_no_last_seen(stores: Stores) -> None:
    assert await stores.messages.last_seen(1) is None


async def test_active_channels_are_those_with_a_recent_message(stores: Stores, message: Make) -> None:
    old, new = Venue(501, name="old"), Venue(502, 7, 500, "thread", "new", nsfw=True)
    await stores.messages.record(message(1, venue=old, created_at=NOON - timedelta(days=2)))
    await stores.messages.record(message(2, venue=new, created_at=NOON - timedelta(days=2)))
    await stores.messages.record(message(3, venue=new))
    assert await stores.messages.active_channels(NOON - timedelta(days=1)) == [new]


async def test_text_that_postgres_refuses_is_mended_not_lost(stores: Stores, message: Make) -> None:
    await stores.messages.record(message(text="a\0b\ud800c"))
    found = await stores.messages.get(1000)
    assert found
    assert found.text == "ab?c"


async def test_every_field_of_the_record_is_kept(rich_message: Message) -> None:
    """Guards the round trip above against a field that was added and forgotten."""
    unset = [
        field.name
        for field in msgspec.structs.fields(rich_message)
        if not field.required and getattr(rich_message, field.name) == field.default
    ]
    assert unset == []


async def test_the_last_seen_can_be_asked_for_before_a_moment(stores: Stores, message: Make) -> None:
    for message_id in (1, 2, 3):
        await stores.messages.record(message(message_id))

    assert await stores.messages.last_seen(500, before=3) == 2
