"""What an operator sees of the company."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from actors.channel.company import MOST_SHOWN, Company
from actors.channel.messages import MessageCreated, MessagesDeleted
from config.settings import Settings
from storage.records import Venue
from storage.stores import Stores
from supervision.tree import Node
from tests.actors.scripted import FixedVoice, MemoryOutlet, ScriptedChat, message, personality

pytestmark = pytest.mark.service

ADA = personality("Ada")
MANY = 60
TALKATIVE = 999
"""As text the last of all channels."""


@pytest.fixture
async def company(stores: Stores) -> AsyncIterator[Company]:
    built = Company(stores, ScriptedChat([60.0]), FixedVoice(), MemoryOutlet(), Settings(settle_s=0.0))
    yield built
    await built.stop(0.0)


async def speaks(company: Company, stores: Stores) -> Node:
    """Let many channels be live and a character speak in one; return what is shown then."""
    await stores.personalities.create(ADA)
    await stores.rosters.add(TALKATIVE, ADA.id)
    for channel_id in range(MANY):
        company.tell(channel_id, MessagesDeleted(message_ids=(0,)))
    said = message("@Ada hello", 1, venue=Venue(channel_id=TALKATIVE))
    await stores.messages.record(said)
    company.tell(TALKATIVE, MessageCreated(message=said, seen_at=0.0))
    async with asyncio.timeout(20):
        while not company.turns_in_flight:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return company.snapshot()


async def test_where_somebody_speaks_comes_first_and_the_rest_by_name(
    company: Company, stores: Stores
) -> None:
    tree = await speaks(company, stores)

    names = [f"channel {key}" for key in (TALKATIVE, *sorted(range(MANY), key=str))]
    assert [node.name for node in tree.children] == names[:MOST_SHOWN]
    assert tree.hidden == MANY + 1 - MOST_SHOWN


async def test_who_speaks_stands_below_its_channel_with_its_turn(company: Company, stores: Stores) -> None:
    channel = (await speaks(company, stores)).children[0]

    ada = channel.children[0]
    assert (channel.kind, ada.name, (ada.work or "").split(" for ")[0]) == ("supervisor", "Ada", "speaks")


async def test_channels_and_personalities_say_how_long_they_are_up(company: Company, stores: Stores) -> None:
    channel = (await speaks(company, stores)).children[0]

    assert None not in (channel.up_s, channel.children[0].up_s)
