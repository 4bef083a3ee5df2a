"""Deliveries that the end of a process cut off, against the local Discord over sockets."""

from uuid import UUID

import discord
import pytest
from msgspec.structs import replace

from actors.reply.outlet import VenueGoneError
from bot.delivery.outlet import DiscordOutlet
from storage.records import Chunk, ChunkState, Personality, Turn, Venue
from tests.bot.delivery.conftest import Theatre

pytestmark = pytest.mark.discord

LONG = "The lamp in the harbour burns all night. " * 80


class Broken:
    """A delivery that shows something when its process ends, and what the ledger knows of it."""

    def __init__(self, theatre: Theatre, venue: Venue | None = None) -> None:
        self.theatre = theatre
        self.speaker: Personality = theatre.cast("Wick")
        self.turn: Turn = theatre.turn(self.speaker, venue)

    async def show(self, text: str) -> None:
        delivery = self.theatre.outlet.open(self.turn, self.speaker)
        await delivery.finish(text)
        self.theatre.outlet = DiscordOutlet(self.theatre.around)  # nothing in memory outlives the process

    def chunks(self, state: ChunkState = "posted") -> list[Chunk]:
        """Return what the ledger has; in `posting` it has no ids and no texts."""
        visible = [entry for entry in self.theatre.box.ledger.entries if entry.action == "post"]
        return [
            Chunk(
                turn_id=self.turn.id,
                position=position,
                state=state,
                webhook_id=entry.webhook_id,
                message_id=None if state == "posting" else entry.message_id,
                text="" if state == "posting" else entry.content,
            )
            for position, entry in enumerate(visible)
        ]

    def forget_posts(self, turn_id: UUID | None = None) -> None:
        written = self.theatre.deliveries.written
        self.theatre.deliveries.written = [line for line in written if line[0] != (turn_id or self.turn.id)]


async def test_the_same_message_goes_on(theatre: Theatre) -> None:
    broken = Broken(theatre)
    await broken.show("Good even")
    delivery, visible = await theatre.outlet.resume(broken.turn, broken.speaker, broken.chunks())
    await delivery.finish("Good day to you.")
    assert (visible, theatre.visible()) == ("Good even", ["Good day to you."])


async def test_a_message_whose_text_may_be_older_than_the_ledger_is_made_certain(theatre: Theatre) -> None:
    broken = Broken(theatre)
    await broken.show("Good evening, dear")
    stale = [replace(chunk, text="Good evening") for chunk in broken.chunks()]
    delivery, _ = await theatre.outlet.resume(broken.turn, broken.speaker, stale)
    await delivery.finish("Good evening")
    assert theatre.visible() == ["Good evening"]


async def test_nothing_changes_before_there_is_something_to_show(theatre: Theatre) -> None:
    broken = Broken(theatre)
    await broken.show("Good even")
    before = len(theatre.box.ledger.entries)
    delivery, _ = await theatre.outlet.resume(broken.turn, broken.speaker, broken.chunks())
    await delivery.abandon()
    assert len(theatre.box.ledger.entries) == before
    assert theatre.visible() == ["Good even"]


async def test_a_post_in_doubt_that_became_visible_is_taken_over(theatre: Theatre) -> None:
    broken = Broken(theatre)
    await broken.show("Good even")
    doubt = broken.chunks("posting")
    broken.forget_posts()
    delivery, visible = await theatre.outlet.resume(broken.turn, broken.speaker, doubt)
    await delivery.finish("Good evening.")
    assert (visible, theatre.visible()) == ("Good even", ["Good evening."])
    assert theatre.deliveries.steps()[0] == "posted"


async def test_a_post_in_doubt_that_never_became_visible_is_made(theatre: Theatre) -> None:
    broken = Broken(theatre)
    doubt = Chunk(turn_id=broken.turn.id, position=0, state="posting", webhook_id=5)
    delivery, visible = await theatre.outlet.resume(broken.turn, broken.speaker, [doubt])
    await delivery.finish("Good evening.")
    assert (visible, theatre.visible()) == ("", ["Good evening."])


async def test_the_message_of_another_turn_is_not_taken_for_a_post_in_doubt(theatre: Theatre) -> None:
    earlier = Broken(theatre)
    await earlier.show("Good morning.")
    broken = Broken(theatre)
    broken.speaker = earlier.speaker
    doubt = [replace(chunk, turn_id=broken.turn.id) for chunk in earlier.chunks("posting")]
    delivery, _ = await theatre.outlet.resume(broken.turn, broken.speaker, doubt)
    await delivery.finish("Good evening.")
    assert theatre.visible() == ["Good morning.", "Good evening."]


async def test_an_answer_of_two_messages_is_taken_up_in_both(theatre: Theatre) -> None:
    broken = Broken(theatre)
    await broken.show(LONG)
    delivery, visible = await theatre.outlet.resume(broken.turn, broken.speaker, broken.chunks())
    await delivery.finish(LONG + "And so it ends.")
    assert len(theatre.visible()) == 2
    assert theatre.visible()[1].endswith("And so it ends.")
    assert visible.split() == LONG.split()


async def test_an_answer_that_became_shorter_takes_its_second_message_back(theatre: Theatre) -> None:
    broken = Broken(theatre)
    await broken.show(LONG)
    delivery, _ = await theatre.outlet.resume(broken.turn, broken.speaker, broken.chunks())
    await delivery.finish("It ends.")
    assert theatre.visible() == ["It ends."]


async def test_a_message_that_nobody_can_change_any_more_is_gone_on_with_below(theatre: Theatre) -> None:
    broken = Broken(theatre)
    await broken.show("Good even")
    theatre.webhooks.kept.clear()
    theatre.delete_webhooks()
    delivery, visible = await theatre.outlet.resume(broken.turn, broken.speaker, broken.chunks())
    await delivery.finish("Good evening, dear.")
    assert visible == "Good even"
    assert theatre.visible() == ["Good even", "ing, dear."]


async def test_a_message_that_was_deleted_meanwhile_stays_deleted(theatre: Theatre) -> None:
    broken = Broken(theatre)
    await broken.show("Good even")
    chunks = broken.chunks()
    theatre.delete_messages()
    delivery, _ = await theatre.outlet.resume(broken.turn, broken.speaker, chunks)
    await delivery.finish("Good evening.")
    assert theatre.visible() == []


async def test_a_channel_that_is_gone_ends_the_search(theatre: Theatre) -> None:
    broken = Broken(theatre)
    theatre.box.world.state.delete_channel(theatre.channel())
    doubt = Chunk(turn_id=broken.turn.id, position=0, state="posting", webhook_id=5)
    with pytest.raises(VenueGoneError):
        await theatre.outlet.resume(broken.turn, broken.speaker, [doubt])


@pytest.mark.parametrize("state", ["posting", "posted"])
async def test_a_dm_goes_on_in_its_message(
    theatre: Theatre, client: discord.Client, state: ChunkState
) -> None:
    assert client.is_ready() is False
    channel_id = int(theatre.person().open_dm()["id"])
    broken = Broken(theatre, Venue(channel_id=channel_id, kind="dm"))
    await broken.show("Good even")
    chunks = [replace(chunk, text=chunk.text.removeprefix("**Wick:** ")) for chunk in broken.chunks(state)]
    if state == "posting":
        broken.forget_posts()
    delivery, visible = await theatre.outlet.resume(broken.turn, broken.speaker, chunks)
    await delivery.finish("Good evening.")
    assert (visible, theatre.visible(channel_id)) == ("Good even", ["**Wick:** Good evening."])
