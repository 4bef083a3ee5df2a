from datetime import UTC, datetime

import discord
import pytest

from actors.channel.messages import MessageCreated
from bot.backfill import Backfill
from bot.client import TroupeClient
from sandbox.faults import Fault
from storage.stores import Stores
from tests.bot.ears import MAX_AGE_S, Ears
from tests.bot.here import Discord, Listener, eventually
from tests.bot.using import someone

pytestmark = pytest.mark.discord


async def texts(ears: Ears, count: int) -> list[str]:
    return [event.message.text for event in await ears.heard(count) if isinstance(event, MessageCreated)]


async def known(here: Discord, ears: Ears, channel: int) -> None:
    """Let the intake see one message of a channel, and the client go away."""
    client = await ears.listen()
    before = len(ears.told)
    here.bjorn().send(channel, "before")
    await ears.heard(before + 1)
    await here.disconnect(client)


async def test_what_was_missed_between_two_clients_arrives_once_and_in_order(
    discord_here: Discord, ears: Ears
) -> None:
    await known(discord_here, ears, discord_here.stage)
    for number in range(3):
        discord_here.ada().send(discord_here.stage, f"missed {number}")

    await ears.listen()

    assert await texts(ears, 4) == ["before", "missed 0", "missed 1", "missed 2"]


async def test_what_was_said_live_before_the_backfill_hides_nothing(
    discord_here: Discord, ears: Ears
) -> None:
    await known(discord_here, ears, discord_here.stage)
    discord_here.ada().send(discord_here.stage, "missed")

    client = TroupeClient(ears.intake, discord_here.register_nothing)
    await discord_here.connect(client, until_ready=False)
    discord_here.ada().send(discord_here.stage, "live")

    assert sorted(await texts(ears, 3)) == ["before", "live", "missed"]


async def test_a_session_that_cannot_be_resumed_misses_nothing(discord_here: Discord, ears: Ears) -> None:
    await ears.listen()
    discord_here.ada().send(discord_here.stage, "before")
    await ears.heard(1)
    discord_here.box.faults.add(Fault(kind="drop", event="MESSAGE_CREATE"))
    discord_here.ada().send(discord_here.stage, "missed")

    discord_here.box.faults.add(Fault(kind="invalid_session", event=""))

    assert await texts(ears, 2) == ["before", "missed"]


async def test_a_direct_message_is_not_missed(discord_here: Discord, ears: Ears) -> None:
    channel = int(discord_here.bjorn().open_dm()["id"])
    await known(discord_here, ears, channel)
    discord_here.bjorn().send(channel, "missed")

    await ears.listen()

    assert await texts(ears, 2) == ["before", "missed"]
    assert [event.message.venue.kind for _, event in ears.told if isinstance(event, MessageCreated)] == [
        "dm",
        "dm",
    ]


class Fetching:
    """A backfill of its own, and what it took."""

    def __init__(self, here: Discord, stores: Stores) -> None:
        self.here, self.stores = here, stores
        self.taken: list[discord.Message] = []
        self.edited: list[str] = []
        self.deleted: set[int] = set()
        self.client = TroupeClient(Listener(), here.register_nothing)

    def take(self, message: discord.Message) -> None:
        self.taken.append(message)

    def take_edit(self, message: discord.Message) -> None:
        self.edited.append(message.content)

    def take_deletion(self, _channel_id: int, message_ids: set[int]) -> None:
        self.deleted |= message_ids

    async def run(self, retries: int = 1, max_age_s: float = MAX_AGE_S) -> list[str]:
        backfill = Backfill(self.stores, self, max_age_s, retry_pauses_s=[0.0] * retries)
        await backfill.run(self.client, datetime.now(UTC))
        return [message.content for message in self.taken]

    async def live_in(self, channel_id: int) -> None:
        """Put a character into a channel."""
        person = someone("Mia", slug=f"mia-{channel_id}")
        await self.stores.personalities.create(person)
        await self.stores.rosters.add(channel_id, person.id)


@pytest.fixture
async def fetching(discord_here: Discord, stores: Stores) -> Fetching:
    found = Fetching(discord_here, stores)
    await discord_here.connect(found.client, until_ready=False)
    await found.live_in(discord_here.stage)
    return found


async def test_where_a_character_lives_is_read_even_if_nothing_was_ever_seen(fetching: Fetching) -> None:
    fetching.here.ada().send(fetching.here.stage, "first words")

    assert await fetching.run() == ["first words"]


async def test_where_something_was_written_lately_is_read_though_nobody_lives_there(
    discord_here: Discord, stores: Stores
) -> None:
    discord_here.ada().send(discord_here.world.channel("backstage"), "anybody here?")
    found = Fetching(discord_here, stores)
    await discord_here.connect(found.client, until_ready=False)

    assert await found.run() == ["anybody here?"]


async def test_where_nothing_was_seen_only_what_would_be_answered_is_read(fetching: Fetching) -> None:
    fetching.here.ada().send(fetching.here.stage, "long ago")

    assert await fetching.run(max_age_s=-5.0) == []


async def test_of_very_many_messages_the_newest_are_read_in_order(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.backfill.PAGE", 2)
    monkeypatch.setattr("bot.backfill.MOST_PER_CHANNEL", 3)
    for number in range(5):
        fetching.here.ada().send(fetching.here.stage, str(number))

    assert await fetching.run() == ["2", "3", "4"]


async def test_a_channel_that_may_not_be_read_stops_no_other(fetching: Fetching) -> None:
    backstage = fetching.here.world.channel("backstage")
    await fetching.live_in(backstage)
    fetching.here.ada().send(backstage, "heard")
    fetching.here.ada().send(fetching.here.stage, "forbidden")
    path = f"/channels/{fetching.here.stage}/messages"
    fetching.here.box.faults.add(Fault(kind="status", method="GET", path=path, status=403, times=None))

    assert await fetching.run() == ["heard"]


async def test_a_channel_that_is_gone_is_passed_over(fetching: Fetching) -> None:
    await fetching.live_in(424242)
    fetching.here.ada().send(fetching.here.stage, "heard")

    assert await fetching.run() == ["heard"]


async def test_a_failure_that_may_pass_is_tried_again(fetching: Fetching) -> None:
    fetching.here.ada().send(fetching.here.stage, "heard")
    fetching.here.box.faults.add(Fault(kind="status", method="GET", path="/channels/*", status=400))

    assert await fetching.run() == ["heard"]


async def test_a_failure_that_stays_is_given_up(fetching: Fetching) -> None:
    fetching.here.ada().send(fetching.here.stage, "lost")
    fetching.here.box.faults.add(
        Fault(kind="status", method="GET", path="/channels/*", status=400, times=None)
    )

    assert await fetching.run(retries=2) == []
    await eventually(lambda: len(fetching.here.box.faults.struck) == 3)


async def known_texts(here: Discord, ears: Ears, *texts: str) -> list[int]:
    """Let the intake see messages, and the client go away; returns their ids."""
    client = await ears.listen()
    ids = [int(here.bjorn().send(here.stage, text)["id"]) for text in texts]
    await ears.heard(len(texts))
    await here.disconnect(client)
    return ids


async def test_what_was_edited_and_deleted_meanwhile_is_caught_up_with(
    discord_here: Discord, ears: Ears
) -> None:
    kept, edited, deleted = await known_texts(discord_here, ears, "kept", "helo", "secret")
    discord_here.bjorn().edit(discord_here.stage, edited, "hello")
    discord_here.bjorn().delete(discord_here.stage, deleted)

    await ears.listen()
    await ears.heard(5)

    said = await ears.stores.messages.window(discord_here.stage, 10)
    assert [(message.id, message.text) for message in said] == [(kept, "kept"), (edited, "hello")]


async def test_what_has_not_changed_is_not_told_again(discord_here: Discord, ears: Ears) -> None:
    [edited] = await known_texts(discord_here, ears, "helo")
    discord_here.bjorn().edit(discord_here.stage, edited, "hello")
    client = await ears.listen()
    await ears.heard(2)
    await discord_here.disconnect(client)

    await ears.listen()

    assert len(await ears.heard(2)) == 2


async def test_a_history_that_may_not_be_read_deletes_nothing(discord_here: Discord, ears: Ears) -> None:
    await known_texts(discord_here, ears, "kept")
    discord_here.box.world.state.messages[discord_here.stage].clear()

    await ears.listen()
    await ears.heard(1)

    assert len(await ears.stores.messages.window(discord_here.stage, 10)) == 1
