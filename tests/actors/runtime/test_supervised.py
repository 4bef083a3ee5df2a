"""Actors as children of supervisors."""

import asyncio
import threading
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import AsyncioActor, ThreadActor
from actors.runtime.child import ActorHandle, ActorLife, actor_child, thread_child
from actors.runtime.envelope import Envelope
from actors.runtime.errors import ActorGoneError, DeadlineError
from supervision import (
    Backoff,
    BufferFullError,
    Down,
    EscalatedError,
    Policy,
    StartTimeoutError,
    Supervisor,
)

pytestmark = pytest.mark.unit

PATIENT = Policy(intensity=100, backoff=Backoff(first_s=1.0))


class Greeter(AsyncioActor):
    """Keeps what it heard across incarnations in the list it is given."""

    def __init__(self, heard: list[Any], start_s: float = 0.0) -> None:
        super().__init__()
        self._heard = heard
        self._start_s = start_s

    @override
    async def on_start(self) -> None:
        await asyncio.sleep(self._start_s)

    @override
    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        if message == "sleep":
            return asyncio.sleep(1_000)
        self._heard.append(message)
        return message


async def greeter(heard: list[Any], handle: ActorHandle, **options: Any) -> Supervisor:
    child = actor_child("greeter", lambda: Greeter.start(heard), handle=handle, **options)
    return await Supervisor("root", [child], PATIENT, draw=lambda: 0.5).start()


async def test_a_name_reaches_the_actor() -> None:
    heard: list[Any] = []
    handle = ActorHandle("greeter")
    await greeter(heard, handle)
    assert await handle.ask("hello", 5.0) == "hello"
    assert handle.is_up
    assert handle.name == "greeter"


async def test_what_waits_behind_a_crash_is_handled_by_the_next_incarnation() -> None:
    heard: list[Any] = []
    handle = ActorHandle("greeter", lives=1)
    await greeter(heard, handle)
    for message in ("a", ValueError(), "b"):
        handle.tell(message)
    assert await handle.ask("c", 5.0) == "c"
    assert heard == ["a", "b", "c"]


async def test_a_message_that_kills_three_times_is_a_dead_letter() -> None:
    heard: list[Any] = []
    dead: list[tuple[Any, BaseException]] = []
    handle = ActorHandle("greeter", dead_letter=lambda message, error: dead.append((message, error)))
    root = await greeter(heard, handle)
    poison = ValueError("poison")
    handle.tell(poison)
    handle.tell("behind it")
    await asyncio.sleep(60)
    assert dead == [(poison, poison)]
    assert heard == ["behind it"]
    assert root.snapshot().children[0].restarts == 3


async def test_a_dead_letter_may_be_nobodys_business() -> None:
    heard: list[Any] = []
    handle = ActorHandle("greeter", lives=1)
    await greeter(heard, handle)
    handle.tell(ValueError())
    assert await handle.ask("still here", 5.0) == "still here"


async def test_a_dead_letter_that_nobody_can_take_costs_the_actor_nothing() -> None:
    def full(_message: Any, _error: BaseException) -> None:
        raise OSError("disk full")

    heard: list[Any] = []
    handle = ActorHandle("greeter", dead_letter=full, lives=1)
    await greeter(heard, handle)
    handle.tell(ValueError())
    assert await handle.ask("still here", 5.0) == "still here"


async def test_a_letter_that_a_thread_posts_into_the_end_goes_to_the_next_incarnation() -> None:
    heard: list[Any] = []
    dead: list[Any] = []
    handle = ActorHandle("greeter", dead_letter=lambda message, _error: dead.append(message), lives=1)
    root = await greeter(heard, handle)
    gone = root.running("greeter")
    assert isinstance(gone, ActorLife)
    poison = ValueError()
    handle.tell(poison)
    await asyncio.sleep(0.5)
    assert gone.ref.mailbox.heir is not None
    gone.ref.mailbox.heir([Envelope("late")])
    assert await handle.ask("hello", 5.0) == "hello"
    assert (heard, dead) == (["late", "hello"], [poison])


async def test_messages_wait_while_the_actor_is_down() -> None:
    heard: list[Any] = []
    handle = ActorHandle("greeter", limit=2)
    answer = handle.ask("early", 5.0)
    handle.tell("bird")
    with pytest.raises(BufferFullError):
        handle.tell("too much")
    with pytest.raises(BufferFullError):
        await handle.ask("too much", 5.0)
    assert len(handle) == 2
    await greeter(heard, handle)
    assert await answer == "early"


async def test_an_ask_by_name_is_not_begun_after_its_timeout() -> None:
    heard: list[Any] = []
    handle = ActorHandle("greeter")
    answer = handle.ask("early", 5.0)
    await asyncio.sleep(6)
    await greeter(heard, handle)
    with pytest.raises(DeadlineError):
        await answer
    assert heard == []


async def test_a_closed_name_answers_what_waits() -> None:
    handle = ActorHandle("greeter")
    answer = handle.ask("early", 5.0)
    handle.close()
    with pytest.raises(ActorGoneError):
        await answer


async def test_an_actor_that_hangs_in_a_handler_is_killed_and_its_mail_handed_on() -> None:
    heard: list[Any] = []
    handle = ActorHandle("greeter")
    root = await greeter(heard, handle, stop_budget_s=2.0)
    handle.tell("sleep")
    handle.tell("unread")
    await asyncio.sleep(1)
    child = root.snapshot().children[0]
    assert (child.mailbox, child.work) == (1, "str")
    await root.stop()
    assert asyncio.get_running_loop().time() == 3.0
    assert len(handle) == 1


async def test_an_actor_whose_start_takes_too_long_is_killed() -> None:
    downs: list[Down] = []
    child = actor_child("greeter", lambda: Greeter.start([], 60.0), start_timeout_s=5.0)
    root = Supervisor("root", [child], Policy(intensity=0))
    root.monitor(downs.append)
    with pytest.raises(EscalatedError):
        await root.start()
    assert isinstance(downs[0].error, StartTimeoutError)


async def test_an_actor_whose_start_fails_is_a_failed_child() -> None:
    class Failing(AsyncioActor):
        @override
        def on_start(self) -> None:
            raise OSError("no")

    downs: list[Down] = []
    root = Supervisor("root", [actor_child("failing", Failing.start)], Policy(intensity=0))
    root.monitor(downs.append)
    with pytest.raises(EscalatedError):
        await root.start()
    assert isinstance(downs[0].error, OSError)


async def test_an_actor_that_is_told_to_stop_while_it_starts_counts_as_started() -> None:
    class Brief(AsyncioActor):
        @override
        def on_start(self) -> None:
            self.stop()

    downs: list[Down] = []
    root = Supervisor("root", [actor_child("brief", Brief.start, restart="transient")])
    root.monitor(downs.append)
    await root.start()
    await asyncio.sleep(1)
    assert [down.reason for down in downs] == ["normal"]


def test_a_thread_actor_is_restarted_and_stopped() -> None:
    class Worker(ThreadActor):
        @override
        def on_receive(self, message: Any) -> Any:
            if message == "fail":
                raise ValueError
            return threading.get_ident()

    async def story() -> list[str]:
        refs: list[Any] = []

        def start() -> Any:
            refs.append(Worker.start())
            return refs[-1]

        downs: asyncio.Queue[Down] = asyncio.Queue()
        root = await Supervisor("root", [thread_child("worker", start)]).start()
        root.monitor(downs.put_nowait)
        refs[0].tell("fail")
        first = await downs.get()
        while root.running("worker") is None:  # noqa: ASYNC110 - a thread starts
            await asyncio.sleep(0)
        assert await refs[1].request("who", 5.0) != threading.get_ident()
        await root.stop()
        return [first.reason, (await downs.get()).reason]

    assert asyncio.run(story()) == ["failed", "stopped"]


def test_a_thread_actor_that_does_not_stop_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervision.life.KILL_GRACE_S", 0.01)
    go_on = threading.Event()

    class Stuck(ThreadActor):
        @override
        def on_receive(self, message: Any) -> Any:
            go_on.wait(10)

    async def story() -> None:
        refs: list[Any] = []

        def start() -> Any:
            refs.append(Stuck.start())
            return refs[-1]

        root = await Supervisor("root", [thread_child("stuck", start, stop_budget_s=0.01)]).start()
        refs[0].tell("work")
        await root.stop()
        go_on.set()
        await refs[0].ended()

    asyncio.run(story())


class Waking(ThreadActor):
    """Starts when it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.may = threading.Event()

    @override
    def on_start(self) -> None:
        self.begun.set()
        self.may.wait(10)


def waking(policy: Policy, start_timeout_s: float) -> tuple[Supervisor, Waking, list[Down]]:
    ref, downs = Waking.start(), list[Down]()
    actor = ref._actor_weakref()
    assert actor is not None
    root = Supervisor("root", [thread_child("waking", lambda: ref, start_timeout_s=start_timeout_s)], policy)
    root.monitor(downs.append)
    return root, actor, downs


def test_a_thread_actor_is_up_when_it_has_started() -> None:
    async def story() -> tuple[str, str]:
        root, actor, _ = waking(Policy(), 10.0)
        starting = asyncio.create_task(root.start())
        await asyncio.to_thread(actor.begun.wait, 10)
        before = root.snapshot().children[0].state
        actor.may.set()
        await starting
        after = root.snapshot().children[0].state
        await root.stop()
        return before, after

    assert asyncio.run(story()) == ("starting", "up")


def test_a_thread_actor_whose_start_takes_too_long_is_told_to_stop_and_left_behind() -> None:
    async def story() -> BaseException | None:
        root, actor, downs = waking(Policy(intensity=0), 0.01)
        with pytest.raises(EscalatedError):
            await root.start()
        actor.may.set()
        await actor.actor_ref.ended()
        return downs[0].error

    assert isinstance(asyncio.run(story()), StartTimeoutError)


def test_a_thread_actor_whose_start_fails_is_a_failed_child() -> None:
    class Failing(ThreadActor):
        @override
        def on_start(self) -> None:
            raise OSError("no")

    async def story() -> BaseException | None:
        downs: list[Down] = []
        root = Supervisor("root", [thread_child("failing", Failing.start)], Policy(intensity=0))
        root.monitor(downs.append)
        with pytest.raises(EscalatedError):
            await root.start()
        return downs[0].error

    assert isinstance(asyncio.run(story()), OSError)
