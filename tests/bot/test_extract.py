from typing import Any

import discord
import pytest

from bot.client import TroupeClient
from bot.extract import extract, venue_of
from storage.records import Message, Venue
from tests.bot.here import Discord, Listener, eventually

pytestmark = pytest.mark.discord


class Reading:
    """A client that hears messages, and their records."""

    def __init__(self, here: Discord) -> None:
        self.here = here
        self.listener = Listener()
        self.client = TroupeClient(self.listener, here.register_nothing)

    async def record_of(self, payload: dict[str, Any], **changes: Any) -> Message:
        """Return the record of a message; with `changes` it is sent once more, as Discord would send them."""
        if changes:
            self.here.world.state.emit("MESSAGE_CREATE", payload | changes)
        wanted = 1 + bool(changes)
        await eventually(lambda: len(self._heard(payload)) == wanted)
        return extract(self._heard(payload)[-1])

    def _heard(self, payload: dict[str, Any]) -> list[discord.Message]:
        return [each for each in self.listener.messages if each.id == int(payload["id"])]


@pytest.fixture
async def reading(discord_here: Discord) -> Reading:
    found = Reading(discord_here)
    await discord_here.connect(found.client, until_ready=False)
    return found


async def test_who_said_what_where_and_when(discord_here: Discord, reading: Reading) -> None:
    sent = discord_here.ada().send(discord_here.stage, "Hello!")

    record = await reading.record_of(sent)

    assert (record.id, record.text, record.author.name) == (int(sent["id"]), "Hello!", "Ada")
    assert (record.author.id, record.author.is_bot, record.author.webhook_id) == (
        discord_here.ada().id,
        False,
        None,
    )
    assert record.venue == Venue(
        channel_id=discord_here.stage, guild_id=discord_here.world.guild_id, name="stage"
    )
    assert record.created_at == discord.utils.snowflake_time(record.id)


async def test_whom_a_message_mentions_is_read_by_name(discord_here: Discord, reading: Reading) -> None:
    bjorn = discord_here.bjorn().id

    record = await reading.record_of(discord_here.ada().send(discord_here.stage, f"Hi <@{bjorn}>"))

    assert (record.text, record.mentioned_user_ids) == ("Hi @Björn", (bjorn,))


async def test_what_a_reply_answers_is_known(discord_here: Discord, reading: Reading) -> None:
    first = int(discord_here.ada().send(discord_here.stage, "Hello!")["id"])

    record = await reading.record_of(discord_here.bjorn().send(discord_here.stage, "Hi", reply_to=first))

    assert record.reply_to == first


async def test_a_file_is_attached_with_its_address(discord_here: Discord, reading: Reading) -> None:
    sent = discord_here.ada().send(discord_here.stage, files=[("cat.png", b"meow")])

    [file] = (await reading.record_of(sent)).attachments

    assert (file.filename, file.size, file.content_type) == ("cat.png", 4, "image/png")
    assert file.url.startswith(discord_here.address.url)


async def test_a_thread_names_the_channel_that_holds_its_webhooks(
    discord_here: Discord, reading: Reading
) -> None:
    thread = int(discord_here.ada().start_thread(discord_here.stage, "Aside")["id"])

    record = await reading.record_of(discord_here.ada().send(thread, "psst"))

    assert record.venue == Venue(
        channel_id=thread,
        guild_id=discord_here.world.guild_id,
        parent_id=discord_here.stage,
        kind="thread",
        name="Aside",
    )


async def test_a_direct_message_has_no_guild(discord_here: Discord, reading: Reading) -> None:
    channel = int(discord_here.bjorn().open_dm()["id"])

    record = await reading.record_of(discord_here.bjorn().send(channel, "Just us"))

    assert record.venue == Venue(channel_id=channel, kind="dm")


@pytest.mark.parametrize(("guild_id", "kind"), [(7, "guild"), (None, "dm")])
def test_a_channel_that_is_only_an_id_is_placed_by_its_guild(guild_id: int | None, kind: str) -> None:
    client = discord.Client(intents=discord.Intents.none())

    venue = venue_of(client.get_partial_messageable(5, guild_id=guild_id))

    assert (venue.channel_id, venue.guild_id, venue.kind) == (5, guild_id, kind)


async def test_a_sticker_is_said_by_its_name(discord_here: Discord, reading: Reading) -> None:
    sent = discord_here.ada().send(discord_here.stage, "look")

    record = await reading.record_of(sent, sticker_items=[{"id": "5", "name": "Wave", "format_type": 1}])

    assert record.text == "look\n[sticker: Wave]"


async def test_a_poll_is_said_with_its_answers(discord_here: Discord, reading: Reading) -> None:
    poll = {
        "question": {"text": "Tea?"},
        "answers": [
            {"answer_id": number, "poll_media": {"text": text}} for number, text in ((1, "Yes"), (2, "No"))
        ],
        "expiry": "2030-01-01T00:00:00+00:00",
        "allow_multiselect": False,
        "layout_type": 1,
    }

    record = await reading.record_of(discord_here.ada().send(discord_here.stage, "x"), content="", poll=poll)

    assert record.text == "[poll: Tea? (Yes, No)]"


async def test_a_forward_is_said_with_all_that_it_holds(discord_here: Discord, reading: Reading) -> None:
    sent = discord_here.ada().send(discord_here.stage, files=[("cat.png", b"meow")])
    file = sent["attachments"][0]
    inner = {
        "type": 0,
        "content": "from afar",
        "embeds": [{"type": "rich", "title": "News"}],
        "attachments": [file],
        "timestamp": sent["timestamp"],
        "edited_timestamp": None,
        "flags": 0,
        "mentions": [],
        "mention_roles": [],
    }
    reference = {"type": 1, "message_id": "9", "channel_id": "8"}

    record = await reading.record_of(
        sent,
        content="",
        attachments=[],
        message_snapshots=[{"message": inner}],
        message_reference=reference,
    )

    assert record.text == "[forwarded]\nfrom afar\nNews"
    assert [each.filename for each in record.attachments] == ["cat.png"]
    assert record.reply_to is None


async def test_an_embed_of_the_author_is_said_and_a_link_preview_is_not(
    discord_here: Discord, reading: Reading
) -> None:
    rich = {
        "type": "rich",
        "author": {"name": "The Times"},
        "title": "News",
        "description": "It rains.",
        "fields": [{"name": "Where", "value": "Here", "inline": False}],
        "footer": {"text": "Today"},
    }
    preview = {"type": "link", "title": "A page", "url": "https://example.org"}

    record = await reading.record_of(discord_here.ada().send(discord_here.stage, "x"), embeds=[rich, preview])

    assert record.text == "x\nThe Times\nNews\nIt rains.\nWhere: Here\nToday"


async def test_another_bots_webhook_is_known_as_one(discord_here: Discord, reading: Reading) -> None:
    channel = reading.client.get_channel(discord_here.stage)
    assert isinstance(channel, discord.TextChannel)
    webhook = await channel.create_webhook(name="Feed")

    sent = await webhook.send("beep", username="Robot", wait=True)

    record = await reading.record_of({"id": str(sent.id)})
    assert (record.author.name, record.author.webhook_id) == ("Robot", webhook.id)
