"""Directories and actors for races between sending and putting to rest."""

import asyncio
import random
from typing import Any

from typing_extensions import override

from actors.runtime import AsyncioActor, Directory


class Listener(AsyncioActor):
    """Writes down what every incarnation heard; starts and stops take a turn of the loop."""

    def __init__(self, heard: list[int]) -> None:
        super().__init__()
        self._heard = heard

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


async def race(seed: int, rounds: int) -> list[int]:
    """Send numbers to one key while its actor is put to rest at any moment; return what was heard."""
    dice = random.Random(seed)
    heard: list[int] = []
    directory: Directory[int, Listener] = Directory(lambda _: Listener.start(heard), kind="race")
    for number in range(rounds):
        directory.tell(1, number)
        match dice.randrange(5):
            case 0:
                directory.passivate(1)
            case 1:
                directory.tell(1, "stop yourself")
            case _:
                pass
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)
    await directory.ask(1, rounds, 60.0)
    await directory.stop()
    return heard
