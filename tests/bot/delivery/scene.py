"""One delivery on paper, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

from bot.delivery.journal import Journal
from bot.delivery.stream import Stream
from tests.bot.delivery.paper import PaperLedger, PaperMouth
from tests.virtual_time import run_virtually

Play = Callable[[Stream], Awaitable[object]]


class Scene:
    """One delivery in virtual time."""

    def __init__(self, limit: int = 2000) -> None:
        self.mouth = PaperMouth(limit)
        self.ledger = PaperLedger()
        self.hurried = 0

    def run(self, play: Play) -> object:
        async def scene() -> object:
            return await play(Stream(uuid4(), 1, self.mouth, Journal(self.ledger, uuid4()), self.hurry))

        return run_virtually(scene())

    def hurry(self) -> None:
        self.hurried += 1


async def grow(stream: Stream, text: str, seconds: float = 5.0) -> None:
    """Show a text letter by letter."""
    for end in range(1, len(text) + 1):
        stream.show(text[:end])
        await asyncio.sleep(seconds / len(text))


async def told(stream: Stream, text: str, seconds: float = 5.0, footer: str | None = None) -> object:
    await grow(stream, text, seconds)
    return await stream.finish(text, footer)


STORY = "Once upon a time there was a candle that would not burn. " * 4
