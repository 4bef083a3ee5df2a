import asyncio

import pytest

from tests.bot.delivery.conftest import Theatre

pytestmark = pytest.mark.discord

WORDS = [f"word{number}" for number in range(60)]


async def test_a_reply_grows_under_the_characters_name(theatre: Theatre) -> None:
    speaker = theatre.cast("Wick")
    delivery = theatre.outlet.open(theatre.turn(speaker), speaker)
    for count in range(1, len(WORDS) + 1):
        delivery.show(" ".join(WORDS[:count]))
        await asyncio.sleep(0.01)
    posted = await delivery.finish(" ".join(WORDS))
    entries = list(theatre.box.ledger.entries)
    assert [entry.action for entry in entries] == ["post", "edit", "edit"]
    assert {entry.author for entry in entries} == {"Wick"}
    assert [message.text for message in posted] == theatre.visible() == [" ".join(WORDS)]
