import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from actors.runtime import ActorDown, AsyncioActor, Exit, Link, LoopAwareRef, Monitor, ThreadActor
from actors.runtime.errors import ActorGoneError
from tests.virtual_time import run_virtually

pytestmark = pytest.mark.unit


class Linked(AsyncioActor):
    """Hears, and fails of errors."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    @override
    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        if message == "heard?":
            return list(self.heard)
        self.heard.append(message)
        return message


class Trapping(Linked):
    traps_exits = True


class LinkedThread(ThreadActor):
    """The same in a thread."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    @override
    def on_receive(self, message: Any) -> Any:
        return Linked.on_receive(self, message)  # type: ignore[arg-type]


class TrappingThread(LinkedThread):
    traps_exits = True


PLAIN = pytest.mark.parametrize("plain", [Linked.start, LinkedThread.start])
TRAPPING = pytest.mark.parametrize("trapping", [Trapping.start, TrappingThread.start])
Start = Callable[[], LoopAwareRef[Any]]


def really(story: Any) -> None:
    """Threads know no virtual time."""
    asyncio.run(story)


@PLAIN
def test_a_failure_ends_the_linked_actor_with_the_same_error(plain: Start) -> None:
    async def story() -> None:
        one, other = plain(), Linked.start()
        Link(one, other)
        error = ValueError()
        other.tell(error)
        assert (await one.ended()).error is error

    really(story())


@PLAIN
def test_a_failure_crosses_to_a_loop_from_wherever_it_happens(plain: Start) -> None:
    async def story() -> None:
        one, other = plain(), Linked.start()
        Link(one, other)
        error = ValueError()
        one.tell(error)
        assert (await other.ended()).error is error

    really(story())


@PLAIN
@TRAPPING
def test_one_that_traps_exits_hears_of_it_and_lives(plain: Start, trapping: Start) -> None:
    async def story() -> None:
        one, other = trapping(), plain()
        Link(one, other)
        error = ValueError()
        other.tell(error)
        await other.ended()
        assert await one.request("heard?", 5.0) == [Exit(other, error)]
        await one.stop(block=False)

    really(story())


@PLAIN
@TRAPPING
def test_a_regular_end_is_told_to_those_that_trap_and_ends_nobody(plain: Start, trapping: Start) -> None:
    async def story() -> None:
        one, other, third = trapping(), plain(), Linked.start()
        Link(one, third)
        Link(other, third)
        await third.stop(block=False)
        await third.ended()
        assert await other.request("hello", 5.0) == "hello"
        assert await one.request("heard?", 5.0) == [Exit(third, None)]
        await one.stop(block=False)
        await other.stop(block=False)

    really(story())


async def test_unlinked_actors_end_alone() -> None:
    one, other = Linked.start(), Linked.start()
    Link(one, other).unlink()
    other.tell(ValueError())
    await other.ended()
    assert await one.request("hello", 5.0) == "hello"


async def test_a_link_to_an_actor_that_is_gone_is_a_failure() -> None:
    one, other = Linked.start(), Linked.start()
    await other.stop(block=False)
    await other.ended()
    Link(one, other)
    assert isinstance((await one.ended()).error, ActorGoneError)


async def test_a_linked_end_interrupts_what_the_actor_does() -> None:
    class Slow(Linked):
        @override
        async def on_receive(self, message: Any) -> Any:
            await asyncio.sleep(1_000)

    one, other = Slow.start(), Linked.start()
    Link(one, other)
    one.tell("work")
    await asyncio.sleep(1)
    other.tell(ValueError())
    await one.ended()
    assert asyncio.get_running_loop().time() == 1.0


async def test_a_monitor_tells_once_and_ends_nobody() -> None:
    watcher, watched = Linked.start(), Linked.start()
    Monitor(watcher, watched)
    error = ValueError()
    watched.tell(error)
    await watched.ended()
    assert await watcher.request("heard?", 5.0) == [ActorDown(watched, error)]


async def test_a_monitor_of_an_actor_that_is_gone_tells_at_once() -> None:
    watcher, watched = Linked.start(), Linked.start()
    await watched.stop(block=False)
    await watched.ended()
    Monitor(watcher, watched)
    (down,) = await watcher.request("heard?", 5.0)
    assert isinstance(down.error, ActorGoneError)


async def test_a_monitor_that_is_ended_tells_nothing() -> None:
    watcher, watched = Linked.start(), Linked.start()
    Monitor(watcher, watched).demonitor()
    watched.tell(ValueError())
    await watched.ended()
    assert await watcher.request("heard?", 5.0) == []


async def test_the_end_of_a_watcher_leaves_nothing_behind() -> None:
    watched = Linked.start()
    for _ in range(10):
        other = Linked.start()
        Link(watched, other)
        await other.stop(block=False)
        await other.ended()
    assert watched.termination._watchers is None


@given(
    st.integers(2, 8).flatmap(
        lambda count: st.tuples(
            st.just(count),
            st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=12),
            st.sets(st.integers(0, count - 1)),
            st.integers(0, count - 1),
        )
    )
)
def test_exactly_those_end_whom_a_chain_of_links_reaches(
    plan: tuple[int, list[tuple[int, int]], set[int], int],
) -> None:
    count, links, trapping, first = plan

    async def story() -> set[int]:
        refs = [Trapping.start() if number in trapping else Linked.start() for number in range(count)]
        for one, other in links:
            Link(refs[one], refs[other])
        refs[first].tell(ValueError())
        await asyncio.sleep(1)
        return {number for number, ref in enumerate(refs) if ref.termination.ended}

    reached, edge = {first}, [first]
    while edge:
        here = edge.pop()
        near = {b for a, b in links if a == here} | {a for a, b in links if b == here}
        new = near - reached - trapping
        reached |= new
        edge += new
    assert run_virtually(story()) == reached
