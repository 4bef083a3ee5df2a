"""Directories and actors for races between sending and putting to rest."""

import asyncio
import random
from typing import Any, NamedTuple

from typing_extensions import override

from actors.runtime import AsyncioActor, Directory


class Listener(AsyncioActor):
    """Writes down what every incarnation heard; starts and stops take a turn of the loop."""

    def __init__(self, heard: list[int], lives: list[str]) -> None:
        super().__init__()
        self._heard = heard
        lives.append(self.actor_urn)

    @override
    async def on_start(self) -> None:
        await asyncio.sleep(0)

    @override
    async def on_stop(self) -> None:  # type: ignore[override] # a hook may be a coroutine
        await asyncio.sleep(0)

    @override
    def on_receive(self, message: Any) -> Any:
        if message == "stop yourself":
            self.stop()
        else:
            self._heard.append(message)
        return message


class Outcome(NamedTuple):
    """What was heard, of how many that were sent, by how many incarnations."""

    heard: list[int]
    sent: int
    lives: int


async def race(seed: int, races: int) -> Outcome:
    """Send numbers to one key while its actor is put to rest or stops by itself, for that many lives."""
    dice = random.Random(seed)
    heard: list[int] = []
    lives: list[str] = []
    directory: Directory[int, Listener] = Directory(lambda _: Listener.start(heard, lives), kind="race")
    sent = 0
    while len(lives) < races:
        directory.tell(1, sent)
        sent += 1
        if dice.random() < 0.5:
            directory.passivate(1)
        else:
            directory.tell(1, "stop yourself")
        for _ in range(dice.randrange(3)):
            directory.tell(1, sent)
            sent += 1
        for _ in range(dice.randrange(5)):
            await asyncio.sleep(0)
    await directory.ask(1, sent, 60.0)
    await directory.stop()
    return Outcome(heard, sent + 1, len(lives))


def lost_or_reordered(outcome: Outcome) -> bool:
    """True unless all that was sent was heard, once and in order."""
    return outcome.heard != list(range(outcome.sent))
