"""The places where Pykka's semantics and an event loop collide; each was a hang or a lost message once.

The ten of them have numbers, and a docstring tells what stock Pykka does.
"""

import asyncio
import threading
import time
from typing import Any
from unittest import mock

import pytest
from pykka import ActorDeadError, ActorRegistry
from typing_extensions import override

from actors.runtime import AsyncioActor, AsyncioFuture, MailboxSpec, ThreadActor
from actors.runtime.child import ActorHandle, actor_child
from actors.runtime.errors import (
    AskTimeoutError,
    DeadlineError,
    DeadlockError,
    HandlerCancelledError,
    OverloadedError,
)
from supervision import Supervisor
from tests.actors.runtime.actors_under_test import Recorder, actor_of

pytestmark = pytest.mark.unit


class Sleeper(ThreadActor):
    """Blocks its thread until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    @override
    def on_receive(self, message: Any) -> Any:
        self.go_on.wait(5)
        return message


def test_awaiting_a_thread_actor_leaves_the_loop_free() -> None:
    """Trap 1: awaiting a future blocks the loop until the answer is there."""

    async def story() -> int:
        go_on = threading.Event()

        class Waiter(ThreadActor):
            @override
            def on_receive(self, message: Any) -> bool:
                return go_on.wait(5)

        ref = Waiter.start()
        answer = ref.ask("wait", block=False)
        waiting = asyncio.ensure_future(_as_task(answer))
        turns = 0
        while turns < 100:
            await asyncio.sleep(0)
            turns += 1
        assert not waiting.done()
        go_on.set()
        assert await waiting is True
        await ref.stop(block=False)
        return turns

    assert asyncio.run(story()) == 100


async def _as_task(future: Any) -> Any:
    return await future


async def test_a_blocking_ask_on_a_loop_raises_and_sends_nothing() -> None:
    """Trap 2: `ask` and `stop` block by default, on a loop forever."""
    ref = Recorder.start()
    with pytest.raises(DeadlockError):
        ref.ask("hello")
    with pytest.raises(DeadlockError):
        ref.stop()
    await asyncio.sleep(1)
    assert actor_of(ref).seen == []


async def test_setting_an_attribute_through_a_proxy_on_a_loop_raises() -> None:
    """Trap 2: there is no way to set an attribute without blocking."""
    proxy = Recorder.start().proxy()
    with pytest.raises(DeadlockError):
        proxy.seen = []


async def test_a_blocking_get_on_a_loop_raises_at_once() -> None:
    future: AsyncioFuture[int] = AsyncioFuture()
    with pytest.raises(DeadlockError):
        future.get(timeout=60)
    future.set(1)
    assert future.get() == 1


@pytest.mark.parametrize("value", [AsyncioFuture(), mock.MagicMock(), mock.AsyncMock()])
async def test_an_awaitable_answer_is_a_value_and_not_awaited(value: Any) -> None:
    """Trap 3: awaiting whatever can be awaited hangs on answers that are futures or mocks."""
    assert await Recorder.start().request(value, 1.0) is value


async def test_a_cancelled_handler_is_a_failure_and_not_the_end_of_all_actors() -> None:
    """Trap 4: `CancelledError` is no `Exception`, so it would stop every actor there is."""
    bystander, asked, told = Recorder.start(), Recorder.start(), Recorder.start()
    with pytest.raises(HandlerCancelledError):
        await asked.request(asyncio.CancelledError(), 1.0)
    told.tell(asyncio.CancelledError())
    end = await told.ended()
    assert isinstance(end.error, HandlerCancelledError)
    assert asked.is_alive()
    assert await bystander.request("alive", 1.0) == "alive"


async def test_a_cancelled_coroutine_handler_is_a_failure_too() -> None:
    ref = Recorder.start()
    answer = ref.ask("wait", block=False)
    await asyncio.sleep(1)
    actor_of(ref)._cell.task.cancel()
    with pytest.raises(HandlerCancelledError):
        await answer
    assert ref.is_alive()


class Asker(AsyncioActor):
    """Asks its friend in a handler."""

    friend: Any = None

    @override
    async def on_receive(self, message: Any) -> Any:
        return await self.friend.request(message, 60.0)


async def test_a_cycle_of_asks_is_refused_at_once() -> None:
    """Trap 5: one message at a time, so A that asks B that asks A waits forever."""
    one, two = Asker.start(), Asker.start()
    actor_of(one).friend, actor_of(two).friend = two, one
    started = asyncio.get_running_loop().time()
    with pytest.raises(DeadlockError):
        await one.request("round and round", 60.0)
    assert asyncio.get_running_loop().time() == started


async def test_asking_oneself_in_a_handler_is_refused_at_once() -> None:
    ref = Asker.start()
    actor_of(ref).friend = ref
    with pytest.raises(DeadlockError):
        await ref.request("self", 60.0)


async def test_a_child_task_may_ask_its_own_actor() -> None:
    class Parent(AsyncioActor):
        @override
        def on_receive(self, message: Any) -> Any:
            if message == "begin":
                self.spawn(self.actor_ref.request("inner", 5.0), done=lambda answer: ("told", answer))
            if message == ("told", "inner"):
                outcome.set_result("fine")
            return message

        @override
        def _handle_receive(self, message: Any) -> Any:
            return self.on_receive(message)

    outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    Parent.start().tell("begin")
    assert await outcome == "fine"


async def test_an_ask_fails_to_the_caller_and_a_tell_fails_the_actor() -> None:
    """Trap 6: the same bug goes to the caller of an ask, and ends the actor of a tell."""
    ref = Recorder.start()
    actor = actor_of(ref)
    with pytest.raises(ValueError, match="asked"):
        await ref.request(ValueError("asked"), 1.0)
    assert ref.is_alive()
    ref.tell(ValueError("told"))
    end = await ref.ended()
    assert str(end.error) == "told"
    assert actor.seen[-1] == ("on_failure", ValueError)


async def test_every_ask_ends_by_its_timeout_and_is_not_begun_after_it() -> None:
    ref = Recorder.start()
    ref.tell("wait")
    with pytest.raises(AskTimeoutError):
        await ref.request("late", 5.0)
    actor = actor_of(ref)
    unread = ref.ask("expired", block=False, timeout=5.0)
    await asyncio.sleep(6)
    actor.gate.set()
    with pytest.raises(DeadlineError):
        await unread
    assert actor.seen == ["wait", "waited"]


async def test_a_stopped_actor_stays_dead_and_its_name_reaches_the_next_one() -> None:
    """Trap 7: a stopped actor cannot start again, and its reference is dead for good."""
    handle = ActorHandle("recorder")
    ref = Recorder.start()
    handle.bear(ref)
    await ref.stop(block=False)
    handle.tell("meanwhile")
    with pytest.raises(ActorDeadError):
        await ref.request("hello", 1.0)
    handle.bear(Recorder.start())
    assert await handle.ask("hello", 1.0) == "hello"


async def test_a_mailbox_closes_without_losing_an_ask() -> None:
    """Trap 8: what is put in after the end is lost, and whoever asked hangs."""
    ref = Recorder.start()
    actor = actor_of(ref)
    ref.tell("wait")
    stopping = ref.stop(block=False)
    unread = [ref.ask(number, block=False) for number in range(10)]
    actor.gate.set()
    await stopping
    for future in unread:
        with pytest.raises(ActorDeadError):
            await future


def test_no_ask_hangs_when_threads_send_while_the_actor_stops() -> None:
    async def story() -> int:
        ref = Recorder.start()
        futures: list[Any] = []
        senders = [threading.Thread(target=_send, args=(ref, futures)) for _ in range(4)]
        for sender in senders:
            sender.start()
        await asyncio.sleep(0.005)
        await ref.stop(block=False)
        for sender in senders:
            await asyncio.to_thread(sender.join)
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*map(_as_task, futures), return_exceptions=True)
        assert all(outcome is None or isinstance(outcome, ActorDeadError | int) for outcome in outcomes)
        return len(outcomes)

    assert asyncio.run(story()) == 4 * 500


def _send(ref: Any, futures: list[Any]) -> None:
    for number in range(500):
        futures.append(ref.ask(number, block=False))
        time.sleep(0)


async def test_a_full_mailbox_refuses_at_once_instead_of_blocking_the_loop() -> None:
    """Trap 9: mailboxes have no limit, and a queue with one would block the loop."""

    class Small(Recorder):
        mailbox_spec = MailboxSpec(limit=2)

    ref = Small.start()
    ref.tell(1)
    ref.tell(2)
    with pytest.raises(OverloadedError):
        ref.tell(3)
    with pytest.raises(OverloadedError):
        await ref.request(4, 1.0)
    assert await ref.stop(block=False) is True


async def test_a_stop_is_accepted_by_a_full_mailbox() -> None:
    class Small(Recorder):
        mailbox_spec = MailboxSpec(limit=1)

    ref = Small.start()
    ref.tell(1)
    actor_of(ref).stop()
    await ref.ended()
    assert not ref.is_alive()


async def test_on_stop_is_for_stops_and_on_failure_for_failures() -> None:
    """Trap 10: after a crash `on_stop` is not called."""
    ref = Recorder.start()
    actor = actor_of(ref)
    ref.tell(ValueError())
    await ref.ended()
    assert "on_stop" not in actor.seen


async def test_anything_worse_than_an_exception_stops_all_actors() -> None:
    class WorseError(BaseException):
        pass

    asked, bystander = Recorder.start(), Recorder.start()
    with pytest.raises(ActorDeadError):
        await asked.request(WorseError(), 1.0)
    await bystander.ended()
    assert isinstance(asked.termination.error, WorseError)
    assert ActorRegistry.get_all() == []


def test_a_thread_actor_that_gets_no_thread_leaves_no_zombie() -> None:
    with (
        mock.patch("threading.Thread.start", side_effect=RuntimeError("can't start new thread")),
        pytest.raises(RuntimeError),
    ):
        Sleeper.start()
    assert ActorRegistry.get_all() == []


async def test_a_failing_callback_of_one_actor_stops_no_other() -> None:
    reported: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(str(context["exception"])))
    ref, other = Recorder.start(), Recorder.start()

    def broken() -> None:
        raise OSError("watcher")

    ref.termination.watch(broken)
    ref.tell(ValueError())
    other.tell("hello")
    assert await other.request("still here", 1.0) == "still here"
    assert reported == ["watcher"]


async def test_nobody_but_a_supervisor_starts_a_crashed_actor_again() -> None:
    """Trap 10: a crash is logged and forgotten."""
    handle = ActorHandle("recorder", lives=1)
    root = await Supervisor("root", [actor_child("recorder", Recorder.start, handle=handle)]).start()
    alone = Recorder.start()
    alone.tell(ValueError())
    handle.tell(ValueError())
    await asyncio.sleep(1)
    assert not alone.is_alive()
    assert await handle.ask("hello", 1.0) == "hello"
    await root.stop()


@pytest.mark.parametrize("hook", ["on_start", "on_stop"])
async def test_a_hook_that_is_cancelled_is_a_failed_hook(hook: str) -> None:
    def cancelled(_: Any) -> None:
        raise asyncio.CancelledError

    ref = type("Cancelled", (AsyncioActor,), {hook: cancelled}).start()
    ref.stop(block=False)
    assert isinstance((await ref.ended()).error, HandlerCancelledError)
