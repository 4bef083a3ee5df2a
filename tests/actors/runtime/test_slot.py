"""How the actors of a directory stand in the tree."""

import asyncio
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import AsyncioActor, CrashLoops, CrashPolicy, Directory
from supervision.tree import Node

pytestmark = pytest.mark.unit


class Fragile(AsyncioActor):
    """Comes and goes in a second, and fails when it is told to."""

    @override
    async def on_start(self) -> None:
        await asyncio.sleep(1)

    @override
    async def on_stop(self) -> None:  # type: ignore[override] # a hook may be a coroutine
        await asyncio.sleep(1)

    @override
    def on_receive(self, message: Any) -> None:
        if message == "fail":
            raise ValueError


@pytest.fixture
def directory() -> Directory[int, Fragile]:
    crashes: CrashLoops[int] = CrashLoops(CrashPolicy(lives=2), draw=lambda: 1.0)
    return Directory(lambda _: Fragile.start(), kind="fragile", crashes=crashes)


def seen(directory: Directory[int, Fragile]) -> Node:
    return directory.node(1, "one")


async def test_an_actor_is_up_since_its_activation(directory: Directory[int, Fragile]) -> None:
    directory.tell(1, "hello")
    await asyncio.sleep(600)
    directory.tell(1, "hello")

    assert seen(directory) == Node(name="one", up_s=600.0, mailbox=1)


async def test_it_starts_and_stops_in_its_time(directory: Directory[int, Fragile]) -> None:
    directory.tell(1, "hello")
    await asyncio.sleep(0.5)
    begins = seen(directory).state
    await asyncio.sleep(1)
    directory.passivate(1)

    assert (begins, seen(directory).state) == ("starting", "stopping")


async def test_its_crashes_count_as_restarts_for_ever(directory: Directory[int, Fragile]) -> None:
    directory.tell(1, "fail")
    await asyncio.sleep(600)
    directory.passivate(1)
    await asyncio.sleep(600)
    directory.tell(1, "hello")
    await asyncio.sleep(2)

    assert (seen(directory).restarts, seen(directory).up_s) == (2, 2.0)


async def test_one_that_rests_after_a_crash_is_down_with_its_mail(directory: Directory[int, Fragile]) -> None:
    directory.tell(1, "fail")
    await asyncio.sleep(2.05)
    directory.tell(1, "hello")

    assert seen(directory) == Node(name="one", state="down", restarts=2, mailbox=1)


async def test_who_is_not_live_is_not_shown(directory: Directory[int, Fragile]) -> None:
    with pytest.raises(KeyError):
        seen(directory)
