"""Something that is opened and closed as a child."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from supervision import (
    Down,
    EscalatedError,
    Policy,
    StartTimeoutError,
    Supervisor,
    Vitals,
    resource_child,
    task_child,
)

pytestmark = pytest.mark.unit


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Door:
    """A resource that takes its time, and remembers what became of it."""

    open_s: float = 0.0
    close_s: float = 0.0
    refusals: int = 0
    story: list[str] = field(default_factory=list[str])
    inside: object = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[object]:
        await asyncio.sleep(self.open_s)
        if self.refusals > 0:
            self.refusals -= 1
            raise OSError("jammed")
        self.story.append("open")
        try:
            yield self.inside
        finally:
            self.story.append("closing")
            await asyncio.sleep(self.close_s)
            self.story.append("closed")


async def started(*doors: Door) -> Supervisor:
    children = [resource_child(f"door {number}", door.open) for number, door in enumerate(doors)]
    return await Supervisor("root", children).start()


async def test_it_is_up_when_it_is_open() -> None:
    slow, next_one = Door(open_s=5.0), Door()
    await started(slow, next_one)
    assert (slow.story, next_one.story, now()) == (["open"], ["open"], 5.0)


async def test_it_is_closed_when_it_is_asked_to_stop_last_opened_first() -> None:
    story: list[str] = []
    root = await started(Door(story=story), Door(story=story, close_s=2.0))
    await root.stop()
    assert story == ["open", "open", "closing", "closed", "closing", "closed"]
    assert (now(), await root.ended()) == (2.0, None)


async def test_it_is_closed_without_being_cancelled_so_that_its_own_time_limits_work() -> None:
    cancellations: list[int] = []

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        yield
        task = asyncio.current_task()
        assert task is not None
        cancellations.append(task.cancelling())

    root = await Supervisor("root", [resource_child("door", resource)]).start()
    await root.stop()
    assert cancellations == [0]


async def test_what_is_not_to_be_opened_is_tried_again() -> None:
    door = Door(refusals=2)
    await started(door)
    assert door.story == ["open"]


async def test_the_error_of_opening_it_is_what_the_child_failed_of() -> None:
    door = Door(refusals=1)
    root = Supervisor("root", [resource_child("door", door.open)], Policy(must_start=True))
    with pytest.raises(EscalatedError) as caught:
        await root.start()
    assert str(caught.value.origin) == "jammed"


async def test_opening_it_takes_too_long() -> None:
    door = Door(open_s=60.0)
    child = resource_child("door", door.open, start_timeout_s=5.0)
    with pytest.raises(EscalatedError) as caught:
        await Supervisor("root", [child], Policy(must_start=True)).start()
    assert isinstance(caught.value.origin, StartTimeoutError)
    assert (door.story, now()) == ([], 5.0)


async def test_what_fails_while_it_is_open_fails_the_child_and_opens_it_again() -> None:
    story: list[str] = []
    downs: list[Down] = []
    root = await Supervisor("root", [resource_child("shop", burning_after(10.0, story))]).start()
    root.monitor(downs.append)
    await asyncio.sleep(15)
    assert story == ["open", "closed", "open"]
    assert [down.reason for down in downs] == ["failed"]
    assert isinstance(downs[0].error, ExceptionGroup)
    await root.stop()


async def test_an_error_of_closing_it_when_asked_is_no_failure() -> None:
    downs: list[Down] = []

    @asynccontextmanager
    async def jams_at_the_end() -> AsyncIterator[None]:
        try:
            yield
        finally:
            raise OSError("stuck")

    root = await Supervisor("root", [resource_child("door", jams_at_the_end)]).start()
    root.monitor(downs.append)
    await root.stop()
    assert [(down.reason, down.error) for down in downs] == [("stopped", None)]


async def test_closing_it_longer_than_its_budget_is_cut_short() -> None:
    door = Door(close_s=60.0)
    root = await Supervisor("root", [resource_child("door", door.open, stop_budget_s=3.0)]).start()
    await root.stop()
    assert (door.story, now()) == (["open", "closing"], 3.0)


async def test_killed_it_is_closed_without_waiting_for_anybody() -> None:
    door = Door()
    root = await started(door)
    root.kill()
    await root.ended()
    assert (door.story, now()) == (["open", "closing", "closed"], 0.0)


async def test_stopped_in_the_middle_of_opening_it_is_never_open() -> None:
    door = Door(open_s=60.0)
    root = await Supervisor("root", [resource_child("door", door.open)]).start(wait=False)
    await asyncio.sleep(1)
    await root.stop()
    assert (door.story, now()) == ([], 1.0)


async def test_it_tells_how_what_is_open_does() -> None:
    class Shop:
        def vitals(self) -> Vitals:
            return Vitals(mailbox=7, work="selling")

    root = await started(Door(inside=Shop()))
    (node,) = root.snapshot().children
    assert (node.mailbox, node.work) == (7, "selling")


async def test_a_tree_that_is_open_stands_below_it() -> None:
    inner = await Supervisor("inner", [task_child("leaf", asyncio.Event().wait)]).start()
    root = await started(Door(inside=inner), Door(inside="no tree"))
    tree, plain = root.snapshot().children
    assert [child.name for child in tree.children] == ["leaf"]
    assert (plain.children, plain.mailbox) == ([], None)
    await inner.stop()


def burning_after(seconds: float, story: list[str]) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Return what opens a resource whose inner task fails after a while."""

    async def burn() -> None:
        await asyncio.sleep(seconds)
        raise OSError("fire")

    @asynccontextmanager
    async def shop() -> AsyncIterator[None]:
        try:
            async with asyncio.TaskGroup() as group:
                fire = group.create_task(burn())
                story.append("open")
                yield
                fire.cancel()
        finally:
            story.append("closed")

    return shop
