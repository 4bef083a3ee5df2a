import asyncio
import gc
import logging
import threading
import weakref
from typing import Any

import pytest
from pykka import ActorDeadError, ActorRegistry
from typing_extensions import override

from actors.runtime import AsyncioActor, find_by_urn
from actors.runtime.errors import KilledError, NoLoopError
from actors.runtime.registry import RefTable
from tests.actors.runtime.actors_under_test import Recorder, actor_of

pytestmark = pytest.mark.unit


async def test_a_plain_handler_answers() -> None:
    assert await Recorder.start().request("hello", 1.0) == "hello"


async def test_a_coroutine_handler_answers() -> None:
    ref = Recorder.start()
    answer = ref.ask("wait", block=False)
    actor_of(ref).gate.set()
    assert await answer == "waited"


async def test_messages_wait_while_a_coroutine_handler_runs() -> None:
    ref = Recorder.start()
    actor = actor_of(ref)
    ref.tell("wait")
    ref.tell("second")
    await asyncio.sleep(1)
    assert actor.seen == ["wait"]
    actor.gate.set()
    await ref.request("third", 1.0)
    assert actor.seen == ["wait", "waited", "second", "third"]


async def test_messages_are_handled_in_the_order_they_were_sent() -> None:
    ref = Recorder.start()
    for number in range(2_000):
        ref.tell(number)
    await ref.request("end", 1.0)
    assert actor_of(ref).seen == [*range(2_000), "end"]


class SlowStarter(Recorder):
    @override
    async def on_start(self) -> None:
        await asyncio.sleep(5)
        self.seen.append("on_start")

    @override
    async def on_stop(self) -> None:  # type: ignore[override] # a hook may be a coroutine
        await asyncio.sleep(5)
        self.seen.append("on_stop")


async def test_messages_wait_for_a_coroutine_on_start() -> None:
    ref = SlowStarter.start()
    await ref.request("hello", 10.0)
    assert actor_of(ref).seen == ["on_start", "hello"]


async def test_stop_comes_back_after_a_coroutine_on_stop() -> None:
    ref = SlowStarter.start()
    actor = actor_of(ref)
    assert await ref.stop(block=False) is True
    assert actor.seen == ["on_start", "on_stop"]


async def test_an_error_in_a_coroutine_on_start_ends_the_actor() -> None:
    class Failing(AsyncioActor):
        @override
        async def on_start(self) -> None:
            await asyncio.sleep(1)
            raise OSError

    ref = Failing.start()
    with pytest.raises(ActorDeadError):
        await ref.request("hello", 5.0)
    assert isinstance(ref.termination.error, OSError)
    assert not ref.termination.started


async def test_an_error_in_a_coroutine_on_stop_is_the_actors_error() -> None:
    class Failing(AsyncioActor):
        @override
        async def on_stop(self) -> None:
            await asyncio.sleep(1)
            raise OSError

    ref = Failing.start()
    await ref.stop(block=False)
    assert isinstance((await ref.ended()).error, OSError)


async def test_a_coroutine_on_failure_runs_before_the_end() -> None:
    ended: list[str] = []

    class Failing(Recorder):
        @override
        async def on_failure(self, *_: Any) -> None:  # type: ignore[override] # a hook may be a coroutine
            await asyncio.sleep(1)
            ended.append("on_failure")

    ref = Failing.start()
    ref.tell(ValueError())
    await ref.ended()
    assert ended == ["on_failure"]


async def test_what_was_sent_before_stop_is_handled_and_what_came_after_is_refused() -> None:
    ref = Recorder.start()
    actor = actor_of(ref)
    ref.tell("before")
    stopped = ref.stop(block=False)
    late = ref.ask("after", block=False)
    assert await stopped is True
    with pytest.raises(ActorDeadError):
        await late
    assert actor.seen == ["before", "on_stop"]


async def test_a_stopped_actor_refuses_at_once() -> None:
    ref = Recorder.start()
    await ref.stop(block=False)
    with pytest.raises(ActorDeadError):
        ref.tell("hello")
    assert await ref.stop(block=False) is False


async def test_kill_cancels_the_handler_and_skips_the_hooks() -> None:
    ref = Recorder.start()
    actor = actor_of(ref)
    answer, unread = ref.ask("wait", block=False), ref.ask("unread", block=False)
    await asyncio.sleep(1)
    ref.kill()
    for future in (answer, unread):
        with pytest.raises(ActorDeadError):
            await future
    assert actor.seen == ["wait"]
    assert isinstance(ref.termination.error, KilledError)
    ref.kill()


async def test_an_unexpected_message_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    ref = AsyncioActor.start()
    with caplog.at_level(logging.WARNING, "pykka"):
        await ref.request("a secret", 1.0)
    assert "Unexpected message" in caplog.text
    assert "secret" not in caplog.text


def test_starting_without_a_loop_leaves_nothing_behind() -> None:
    with pytest.raises(NoLoopError):
        Recorder.start()
    assert ActorRegistry.get_all() == []


def test_an_actor_lives_on_the_loop_it_is_given() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    ref = Recorder.start_on(loop)
    assert ref.ask("hello", timeout=5) == "hello"
    assert ref.stop(timeout=5) is True
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_an_actor_of_a_closed_loop_answers_that_it_is_gone() -> None:
    async def story() -> Any:
        ref = Recorder.start()
        await ref.request("hello", 1.0)
        return ref

    ref = asyncio.run(story())
    with pytest.raises(ActorDeadError):
        ref.ask("anyone?", timeout=1)


async def test_a_stopped_actor_is_forgotten() -> None:
    ref = Recorder.start()
    actor = weakref.ref(actor_of(ref))
    await ref.stop(block=False)
    await Recorder.start().request("the loop remembers whom it ran last", 1.0)
    gc.collect()
    assert actor() is None


async def test_a_typed_proxy_calls_reads_and_traverses() -> None:
    class Counter(AsyncioActor):
        def __init__(self) -> None:
            super().__init__()
            self.count = 0

        async def add(self, number: int) -> int:
            await asyncio.sleep(1)
            self.count += number
            return self.count

    proxy = Counter.start().proxy()
    assert await proxy.add(2) == 2
    proxy.add.defer(3)
    assert await proxy.count == 5


async def test_an_idle_actor_has_no_task_and_no_timer() -> None:
    loop = asyncio.get_running_loop()
    ref = Recorder.start()
    await ref.request("hello", 1.0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined] # asyncio's timers


async def test_busy_says_whether_there_is_anything_to_do() -> None:
    ref = Recorder.start()
    assert not ref.busy
    ref.tell("wait")
    await asyncio.sleep(1)
    assert ref.busy
    assert ref.work == "str"
    actor_of(ref).gate.set()
    await asyncio.sleep(1)
    assert not ref.busy
    await ref.stop(block=False)
    assert not ref.busy
    assert ref.work is None


async def test_the_registry_finds_by_urn_and_keeps_order() -> None:
    refs = [Recorder.start() for _ in range(3)]
    assert ActorRegistry.get_all() == refs
    assert find_by_urn(refs[1].actor_urn) is refs[1]
    assert ActorRegistry.get_by_urn(refs[1].actor_urn) is refs[1]
    assert find_by_urn("urn:nobody") is None
    await refs[1].stop(block=False)
    assert find_by_urn(refs[1].actor_urn) is None


async def test_the_registrys_table_counts_and_indexes() -> None:
    refs = [Recorder.start() for _ in range(3)]
    table = RefTable(refs)
    assert len(table) == 3
    assert table[0] is refs[0]
    assert table[1:] == refs[1:]
