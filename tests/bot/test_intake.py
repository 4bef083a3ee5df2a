from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
import discord
import pytest

from actors.channel.messages import MessageCreated, MessageEdited, MessagesDeleted
from bot.client import TroupeClient
from config.metrics import messages_seen
from sandbox.faults import Fault
from storage.stores import Stores
from tests.bot.ears import Ears
from tests.bot.here import Discord, eventually

pytestmark = pytest.mark.discord

BLOCKED = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
Outsider: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def counted(outcome: str) -> float:
    return float(messages_seen.labels(outcome)._value.get())


async def stage_channel(here: Discord, client: TroupeClient) -> discord.TextChannel:
    channel = client.get_channel(here.stage)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def test_a_message_is_committed_and_told(discord_here: Discord, ears: Ears) -> None:
    await ears.listen()

    sent = discord_here.ada().send(discord_here.stage, "Hello!")

    [event] = await ears.heard(1)
    assert isinstance(event, MessageCreated)
    assert event.to_answer
    assert event.message == await ears.stores.messages.get(int(sent["id"]))


async def test_who_runs_the_bot_is_learnt(discord_here: Discord, ears: Ears) -> None:
    await ears.listen()

    await eventually(lambda: ears.intake.application_owner_id == discord_here.address.owner_id)


async def test_what_comes_twice_is_told_once(discord_here: Discord, ears: Ears) -> None:
    await ears.listen()
    before = counted("repeated")
    discord_here.box.faults.add(Fault(kind="duplicate", event="MESSAGE_CREATE"))

    discord_here.ada().send(discord_here.stage, "Hello!")

    await eventually(lambda: counted("repeated") > before)
    assert len(await ears.heard(1)) == 1


async def test_a_changed_text_is_taken_over(discord_here: Discord, ears: Ears) -> None:
    await ears.listen()
    sent = int(discord_here.ada().send(discord_here.stage, "Helo!")["id"])

    discord_here.ada().edit(discord_here.stage, sent, "Hello!")

    events = await ears.heard(2)
    assert isinstance(events[1], MessageEdited)
    assert events[1].text == "Hello!"
    stored = await ears.stores.messages.get(sent)
    assert stored is not None
    assert stored.text == "Hello!"


async def test_an_edit_of_what_was_never_seen_is_not_told(discord_here: Discord, ears: Ears) -> None:
    await ears.listen()
    discord_here.box.faults.add(Fault(kind="drop", event="MESSAGE_CREATE"))
    sent = int(discord_here.ada().send(discord_here.stage, "Helo!")["id"])
    discord_here.ada().edit(discord_here.stage, sent, "Hello!")

    discord_here.ada().send(discord_here.stage, "next")

    [event] = await ears.heard(1)
    assert isinstance(event, MessageCreated)


async def test_a_preview_that_discord_adds_is_no_edit(discord_here: Discord, ears: Ears) -> None:
    await ears.listen()
    sent = discord_here.ada().send(discord_here.stage, "https://example.org")

    discord_here.world.state.emit("MESSAGE_UPDATE", sent)
    discord_here.ada().send(discord_here.stage, "next")

    assert [type(event) for event in await ears.heard(2)] == [MessageCreated, MessageCreated]


async def test_a_deleted_message_leaves_the_transcript(discord_here: Discord, ears: Ears) -> None:
    await ears.listen()
    sent = int(discord_here.ada().send(discord_here.stage, "Oops")["id"])

    discord_here.ada().delete(discord_here.stage, sent)

    assert (await ears.heard(2))[1] == MessagesDeleted((sent,))
    assert await ears.stores.messages.get(sent) is None


async def test_many_messages_are_deleted_at_once(discord_here: Discord, ears: Ears) -> None:
    client = await ears.listen()
    sent = [int(discord_here.ada().send(discord_here.stage, str(n))["id"]) for n in range(2)]
    channel = await stage_channel(discord_here, client)

    await channel.delete_messages([discord.Object(each) for each in sent])

    assert (await ears.heard(3))[2] == MessagesDeleted(tuple(sent))


async def test_the_echo_of_our_own_characters_is_dropped(discord_here: Discord, ears: Ears) -> None:
    client = await ears.listen()
    webhook = await (await stage_channel(discord_here, client)).create_webhook(name="Troupe")
    ears.own_webhooks.add(webhook.id)
    said = await webhook.send("I speak", username="Mia", wait=True)
    await said.edit(content="I speak again")

    discord_here.ada().send(discord_here.stage, "next")

    [event] = await ears.heard(1)
    assert isinstance(event, MessageCreated)
    assert event.message.text == "next"


async def test_what_the_bot_itself_writes_is_dropped(discord_here: Discord, ears: Ears) -> None:
    client = await ears.listen()
    await eventually(lambda: ears.intake.application_owner_id)
    await (await stage_channel(discord_here, client)).send("I am the bot")

    discord_here.ada().send(discord_here.stage, "next")

    assert len(await ears.heard(1)) == 1


async def test_a_notice_of_discords_own_is_nobodys_word(discord_here: Discord, ears: Ears) -> None:
    await ears.listen()
    sent = discord_here.ada().send(discord_here.stage, "Hello!")
    pinned = sent | {"id": str(int(sent["id"]) + 1), "type": 6, "content": ""}

    discord_here.world.state.emit("MESSAGE_CREATE", pinned)
    discord_here.ada().send(discord_here.stage, "next")

    assert len(await ears.heard(2)) == 2


async def test_what_is_old_is_only_learnt(discord_here: Discord, stores: Stores) -> None:
    ears = Ears(discord_here, stores, set(), max_age_s=-5.0)
    await ears.listen()

    discord_here.ada().send(discord_here.stage, "long ago")

    [event] = await ears.heard(1)
    assert isinstance(event, MessageCreated)
    assert not event.to_answer


async def test_what_finds_its_channel_flooded_is_told_later_and_in_order(
    discord_here: Discord, ears: Ears
) -> None:
    await ears.listen()
    ears.deaf_for = 3

    sent = [discord_here.ada().send(discord_here.stage, text) for text in ("one", "two")]

    events = await ears.heard(2)
    assert [event.message.id for event in events if isinstance(event, MessageCreated)] == [
        int(one["id"]) for one in sent
    ]


async def test_after_the_end_nothing_is_taken_in(discord_here: Discord, ears: Ears) -> None:
    client = await ears.listen()
    kept = int(discord_here.ada().send(discord_here.stage, "Hello!")["id"])
    await ears.heard(1)
    ears.intake.close()

    discord_here.ada().send(discord_here.stage, "too late")
    discord_here.ada().edit(discord_here.stage, kept, "changed")
    discord_here.ada().delete(discord_here.stage, kept)
    await discord_here.disconnect(client)
    await ears.intake.drained()

    assert len(ears.told) == 1


class Locked:
    """The table of messages, held by somebody else."""

    def __init__(self, holder: Outsider, looker: Outsider) -> None:
        self._holder, self._looker = holder, looker

    @classmethod
    @asynccontextmanager
    async def on(cls, dsn: str) -> AsyncIterator["Locked"]:
        locked = cls(await asyncpg.connect(dsn), await asyncpg.connect(dsn))
        async with locked._holder.transaction():
            await locked._holder.execute("lock table messages in access exclusive mode")
            yield locked
        await locked._holder.close()
        await locked._looker.close()

    async def waiting(self, other_than: int | None = None) -> int:
        """Wait for a statement that waits for the table, and return its process."""
        found: list[int] = []

        async def look() -> bool:
            rows = await self._looker.fetch(BLOCKED)
            found[:] = [row["pid"] for row in rows if row["pid"] != other_than]
            return bool(found)

        await eventually(look)
        return found[0]

    async def end(self, process: int) -> None:
        """End a statement as the end of the server does."""
        await self._looker.execute("select pg_terminate_backend($1)", process)


async def test_while_the_database_is_away_messages_wait_and_none_is_lost(
    discord_here: Discord, ears: Ears, database_dsn: str
) -> None:
    await ears.listen()
    async with Locked.on(database_dsn) as locked:
        for text in ("one", "two"):
            discord_here.ada().send(discord_here.stage, text)
        first = await locked.waiting()
        await locked.end(first)
        await locked.waiting(other_than=first)
        assert ears.told == []

    events = await ears.heard(2)

    assert [event.message.text for event in events if isinstance(event, MessageCreated)] == ["one", "two"]


async def test_what_a_full_lane_had_no_room_for_is_fetched_when_it_is_empty(
    discord_here: Discord, ears: Ears, database_dsn: str
) -> None:
    ears.intake = ears.new_intake(lane_limit=3)
    await ears.listen()
    before = counted("refused")
    async with Locked.on(database_dsn) as locked:
        for number in range(5):
            discord_here.ada().send(discord_here.stage, str(number))
        await locked.waiting()
        await eventually(lambda: counted("refused") - before == 2)

    events = await ears.heard(5)
    assert [event.message.text for event in events if isinstance(event, MessageCreated)] == list("01234")
