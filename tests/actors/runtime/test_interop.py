import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import AsyncioActor, AsyncioRef, ThreadActor
from actors.runtime.errors import ActorGoneError, DeadlockError

pytestmark = pytest.mark.unit


class Blocking(ThreadActor):
    """Works in a thread, and may ask somebody else from there."""

    @override
    def on_receive(self, message: Any) -> Any:
        match message:
            case "who":
                return threading.current_thread().name
            case ("ask", friend):
                return friend.ask("who", timeout=5)
            case "fail":
                raise ValueError("failed")
        return message


class Looping(AsyncioActor):
    """Works on the loop, and may ask somebody else from there."""

    @override
    async def on_receive(self, message: Any) -> Any:
        if message == "who":
            return threading.current_thread().name
        return await message.request("who", 5.0)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loop")
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_loop_actor_asks_a_thread_actor(loop: asyncio.AbstractEventLoop) -> None:
    blocking, looping = Blocking.start(), Looping.start_on(loop)
    assert looping.ask(blocking, timeout=5).startswith("Blocking-")
    blocking.stop()


def test_a_thread_actor_asks_a_loop_actor(loop: asyncio.AbstractEventLoop) -> None:
    blocking, looping = Blocking.start(), Looping.start_on(loop)
    assert blocking.proxy().on_receive(("ask", looping)).get(timeout=5) == "loop"
    blocking.stop()


def test_an_actor_asks_across_loops(loop: asyncio.AbstractEventLoop) -> None:
    looping = Looping.start_on(loop)

    async def story() -> Any:
        return await Looping.start().request(looping, 5.0)

    assert asyncio.run(story()) == "loop"


def test_a_thread_actors_end_can_be_awaited() -> None:
    async def story() -> Any:
        ref = Blocking.start()
        ref.tell("fail")
        return (await ref.ended()).error

    assert isinstance(asyncio.run(story()), ValueError)


def test_a_blocking_ask_of_a_thread_actor_on_a_loop_raises() -> None:
    async def story() -> None:
        ref = Blocking.start()
        with pytest.raises(DeadlockError):
            ref.ask("who")
        assert await ref.stop(block=False)

    asyncio.run(story())


def test_a_thread_actor_that_fails_to_start_has_its_error() -> None:
    class Failing(ThreadActor):
        @override
        def on_start(self) -> None:
            raise OSError

    ref = Failing.start()
    assert ref.actor_stopped.wait(5)
    assert isinstance(ref.ended().get(timeout=5).error, OSError)
    assert not ref.termination.started


async def start_two() -> list[AsyncioRef[Looping]]:
    refs = [Looping.start(), Looping.start()]
    for ref in refs:
        await ref.request("who", 5.0)
    return refs


def test_everybody_on_a_closed_loop_is_gone() -> None:
    loop = asyncio.new_event_loop()
    refs = loop.run_until_complete(start_two())
    loop.close()
    for ref in [*refs, *refs]:
        with pytest.raises(ActorGoneError):
            ref.ask("who", timeout=5)


def test_an_actor_that_had_mail_when_its_loop_was_closed_is_gone() -> None:
    loop = asyncio.new_event_loop()
    refs = loop.run_until_complete(start_two())
    refs[0].tell("unread")
    loop.close()
    for ref in refs:
        with pytest.raises(ActorGoneError):
            ref.ask("who", timeout=5)
