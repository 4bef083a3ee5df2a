"""No more actors live than a directory has room for, but for the busy ones."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import AsyncioActor, Directory

pytestmark = pytest.mark.unit

ROOM = 3


class Worker(AsyncioActor):
    """Works for so many seconds as it is told."""

    @override
    async def on_receive(self, message: Any) -> Any:
        await asyncio.sleep(message)


@pytest.fixture
async def directory() -> AsyncIterator[Directory[int, Worker]]:
    directory = Directory(lambda _: Worker.start(), kind="worker", capacity=ROOM)
    yield directory
    await directory.stop()


def live(directory: Directory[int, Worker]) -> list[int]:
    return sorted(directory)


async def test_who_was_busy_when_room_ran_out_rests_at_the_next_look(
    directory: Directory[int, Worker],
) -> None:
    for key in range(10):
        directory.tell(key, 10.0)
    await asyncio.sleep(70)
    assert live(directory) == [7, 8, 9]


async def test_who_is_busy_at_the_next_look_goes_on(directory: Directory[int, Worker]) -> None:
    for key in range(10):
        directory.tell(key, 100.0 if key < 5 else 10.0)
    await asyncio.sleep(70)
    assert set(range(5)) <= set(directory)


async def test_the_newest_never_rests_for_want_of_room(directory: Directory[int, Worker]) -> None:
    for key in range(ROOM + 1):
        directory.tell(key, 100.0)
    directory.tell(99, 0.0)
    await asyncio.sleep(1)
    assert 99 in directory


async def test_one_that_comes_displaces_one(directory: Directory[int, Worker]) -> None:
    for key in range(ROOM + 2):
        await directory.ask(key, 0.0, 9.0)
    await asyncio.sleep(1)
    assert live(directory) == [2, 3, 4]
