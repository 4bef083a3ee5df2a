"""What the ledger of deliveries is told when it does not answer at once."""

import asyncio
from uuid import uuid4

import pytest
from typing_extensions import override

from bot.delivery import journal as journal_module
from bot.delivery.journal import Journal
from tests.bot.delivery.conftest import MemoryDeliveries

pytestmark = pytest.mark.unit


class Sluggish(MemoryDeliveries):
    """A ledger whose next write gets no answer."""

    is_stuck = False

    @override
    async def checkpoint(self, turn_id: object, position: int, text: str) -> bool:
        if self.is_stuck:
            self.is_stuck = False
            await asyncio.Event().wait()
        return await super().checkpoint(turn_id, position, text)  # type: ignore[arg-type] # passed on


async def test_a_text_that_was_not_taken_makes_room_for_a_newer_one_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_module, "WRITE_S", 0.0)
    monkeypatch.setattr(journal_module, "FIRST_PAUSE_S", 0.0)
    ledger = Sluggish()
    journal = Journal(ledger, uuid4())
    ledger.is_stuck = True
    journal.shows(0, "one")
    await asyncio.sleep(0)

    journal.shows(0, "one two")
    journal.final(0, "one two three")
    await journal.settled(5.0)

    assert [(step, text) for _, step, _, text in ledger.written] == [
        ("checkpoint", "one two"),
        ("final", "one two three"),
    ]
