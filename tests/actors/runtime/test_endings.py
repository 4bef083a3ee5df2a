"""However an actor ends, everybody who waits for it hears of it."""

import asyncio
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import AsyncioActor, AsyncioFuture
from actors.runtime.envelope import Envelope
from actors.runtime.errors import ActorGoneError
from tests.actors.runtime.actors_under_test import Recorder, actor_of

pytestmark = pytest.mark.unit


class Slow(AsyncioActor):
    """Needs ages to end, because of its last hook or of a child."""

    @override
    def on_receive(self, message: Any) -> None:
        self.spawn(self._linger())

    async def _linger(self) -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            await asyncio.sleep(1_000)

    @override
    async def on_stop(self) -> None:  # type: ignore[override] # a hook may be a coroutine
        await asyncio.sleep(1_000)


@pytest.mark.parametrize("has_child", [True, False])
async def test_who_asked_an_actor_to_stop_hears_that_it_was_killed_meanwhile(has_child: bool) -> None:
    ref = Slow.start()
    if has_child:
        ref.tell("start a child")
    await asyncio.sleep(1)
    stopping = ref.stop(block=False)
    await asyncio.sleep(1)
    ref.kill()
    async with asyncio.timeout(10):
        assert await stopping is True


def refuse_answers(future: AsyncioFuture[Any]) -> AsyncioFuture[Any]:
    """Answer a future, so that a second answer raises, as Pykka's futures do."""
    future.set("answered by somebody else")
    return future


async def test_an_answer_that_cannot_be_given_leaves_the_actor_hearing() -> None:
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["message"]))
    ref = Recorder.start()
    ref.mailbox.put(Envelope("wait", refuse_answers(AsyncioFuture())))
    ref.tell("behind")
    await asyncio.sleep(1)
    actor_of(ref).gate.set()
    assert await ref.request("last", 5.0) == "last"
    assert len(reported) == 1


async def test_unread_mail_that_is_answered_already_keeps_nobody_from_hearing_of_the_end() -> None:
    ref = Recorder.start()
    ref.tell("wait")
    await asyncio.sleep(1)
    ref.mailbox.put(Envelope("unread", refuse_answers(AsyncioFuture())))
    behind = ref.ask("behind", block=False)
    ref.kill()
    assert (await ref.ended()).ended
    with pytest.raises(ActorGoneError):
        await behind


async def test_a_watcher_that_fails_silences_no_other() -> None:
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: told.append(str(context["exception"]))
    )
    ref = Recorder.start()

    def broken() -> None:
        raise OSError("watcher")

    ref.termination.watch(broken)
    ref.termination.watch(lambda: told.append("second"))
    await ref.stop(block=False)
    await asyncio.sleep(1)
    assert sorted(told) == ["second", "watcher"]


async def test_one_who_waits_for_the_start_and_fails_silences_no_other() -> None:
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: told.append(str(context["exception"]))
    )
    ref = Recorder.start()

    def broken() -> None:
        raise OSError("starter")

    ref.termination.watch_start(broken)
    ref.termination.watch_start(lambda: told.append("second"))
    assert await ref.request("hello", 5.0) == "hello"
    assert sorted(told) == ["second", "starter"]
