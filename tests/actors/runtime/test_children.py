import asyncio
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import AsyncioActor
from actors.runtime.children import CHILD_GRACE_S
from actors.runtime.errors import ActorGoneError
from tests.actors.runtime.actors_under_test import actor_of

pytestmark = pytest.mark.unit


class Done(tuple[Any, ...]):
    """A result told back."""

    __slots__ = ()


class Worker(AsyncioActor):
    """Starts the child that a message names."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []
        self.cancelled = False

    @override
    def _handle_receive(self, message: Any) -> Any:
        return self.on_receive(message)

    @override
    def on_receive(self, message: Any) -> Any:
        match message:
            case "count":
                self.spawn(self._count(), done=lambda number: Done(("counted", number)))
            case "silent":
                self.spawn(self._count())
            case "break":
                self.spawn(self._break(), failed=lambda error: Done(("broken", str(error))))
            case "break me":
                self.spawn(self._break())
            case "stubborn":
                self.spawn(self._stubborn())
            case "later":
                self.later(60, Done(("later",)))
            case _:
                self.heard.append(message)
        return None

    async def _count(self) -> int:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return 3

    async def _break(self) -> None:
        await asyncio.sleep(1)
        raise ValueError("broken")

    async def _stubborn(self) -> None:
        while True:
            try:
                await asyncio.sleep(1_000)
            except asyncio.CancelledError:
                continue


async def test_the_actor_hears_its_mailbox_while_a_child_works_and_then_the_result() -> None:
    ref = Worker.start()
    actor = actor_of(ref)
    ref.tell("count")
    ref.tell("meanwhile")
    await asyncio.sleep(5)
    assert actor.heard == ["meanwhile"]
    await asyncio.sleep(6)
    assert actor.heard == ["meanwhile", Done(("counted", 3))]


async def test_a_child_without_done_tells_nothing() -> None:
    ref = Worker.start()
    actor = actor_of(ref)
    ref.tell("silent")
    await asyncio.sleep(20)
    assert actor.heard == []


async def test_a_childs_error_can_be_a_message() -> None:
    ref = Worker.start()
    actor = actor_of(ref)
    ref.tell("break")
    await asyncio.sleep(2)
    assert actor.heard == [Done(("broken", "broken"))]
    assert ref.is_alive()


async def test_a_childs_error_fails_its_actor_otherwise() -> None:
    ref = Worker.start()
    ref.tell("break me")
    end = await ref.ended()
    assert isinstance(end.error, ValueError)
    assert end.culprit is None


async def test_stopping_cancels_the_children() -> None:
    ref = Worker.start()
    actor = actor_of(ref)
    ref.tell("count")
    await asyncio.sleep(1)
    await ref.stop(block=False)
    assert actor.cancelled


async def test_killing_cancels_the_children() -> None:
    ref = Worker.start()
    actor = actor_of(ref)
    ref.tell("count")
    await asyncio.sleep(1)
    ref.kill()
    await ref.ended()
    await asyncio.sleep(0)
    assert actor.cancelled


async def test_a_child_that_ignores_its_cancellation_is_left_behind() -> None:
    ref = Worker.start()
    ref.tell("stubborn")
    await asyncio.sleep(1)
    child = next(iter(actor_of(ref)._cell.children))
    started = asyncio.get_running_loop().time()
    await ref.stop(block=False)
    assert asyncio.get_running_loop().time() - started == pytest.approx(CHILD_GRACE_S)
    child.get_coro().close()


async def test_a_message_can_be_told_later() -> None:
    ref = Worker.start()
    actor = actor_of(ref)
    ref.tell("later")
    await asyncio.sleep(59)
    assert actor.heard == []
    await asyncio.sleep(2)
    assert actor.heard == [Done(("later",))]


async def test_a_stopping_actor_starts_no_child() -> None:
    refused: list[bool] = []

    class Late(Worker):
        @override
        async def on_stop(self) -> None:  # type: ignore[override] # a hook may be a coroutine
            with pytest.raises(ActorGoneError):
                self.spawn(self._count())
            refused.append(True)

    await Late.start().stop(block=False)
    assert refused == [True]


class Selective(AsyncioActor):
    """Puts everything but `open` aside until it is open."""

    is_open = False

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    @override
    def on_receive(self, message: str) -> str | None:
        if message == "open":
            self.is_open = True
            self.unstash()
            return "opened"
        if not self.is_open:
            self.stash()
            return None
        self.heard.append(message)
        return message.upper()


async def test_what_is_put_aside_is_answered_later_and_in_order() -> None:
    ref = Selective.start()
    actor = actor_of(ref)
    answers = [ref.ask(word, block=False) for word in ("a", "b")]
    assert await ref.request("open", 1.0) == "opened"
    ref.tell("c")
    assert [await answer for answer in answers] == ["A", "B"]
    await asyncio.sleep(1)
    assert actor.heard == ["a", "b", "c"]


async def test_what_is_put_aside_is_refused_when_the_actor_stops() -> None:
    ref = Selective.start()
    answer = ref.ask("a", block=False)
    await ref.stop(block=False)
    with pytest.raises(ActorGoneError):
        await answer


class Turns(AsyncioActor):
    """Puts aside what it hears while a child works, which then brings it back."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self._works = False

    @override
    def on_receive(self, message: str) -> None:
        if message == "work":
            self._works = True
            self.spawn(self._work())
        elif self._works:
            self.stash()
        else:
            self.heard.append(message)

    async def _work(self) -> None:
        await asyncio.sleep(10)
        self._works = False
        self.unstash()


async def test_a_child_that_brings_back_what_was_put_aside_wakes_its_actor() -> None:
    ref = Turns.start()
    actor = actor_of(ref)
    ref.tell("work")
    ref.tell("meanwhile")
    await asyncio.sleep(20)
    assert actor.heard == ["meanwhile"]


async def test_a_result_of_which_no_message_can_be_made_fails_the_actor() -> None:
    class Broken(Worker):
        @override
        def on_receive(self, message: Any) -> Any:
            self.spawn(self._count(), done=lambda number: number / 0)

    ref = Broken.start()
    ref.tell("count")
    assert isinstance((await ref.ended()).error, ZeroDivisionError)
