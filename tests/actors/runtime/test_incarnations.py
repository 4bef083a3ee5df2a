"""What belongs to one incarnation ends with it; only mail from others goes on to the next."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import ActorDown, AsyncioActor, Directory, Monitor
from tests.actors.runtime.actors_under_test import Recorder

pytestmark = pytest.mark.unit


class Result(tuple[Any, ...]):
    """What a child tells."""

    __slots__ = ()


class Parent(AsyncioActor):
    """Starts children that work, fail, or fail while they are ended."""

    def __init__(self, heard: list[Any]) -> None:
        super().__init__()
        self._heard = heard

    @override
    def on_receive(self, message: Any) -> Any:
        self._heard.append(message)
        match message:
            case "fail":
                raise ValueError(message)
            case "five that fail":
                for _ in range(5):
                    self.spawn(self._fail())
            case "one that ends badly":
                self.spawn(self._end_badly())
            case ("work for", seconds):
                self.spawn(asyncio.sleep(seconds, "result"), done=lambda result: result)
            case "result":
                raise ValueError(message)
        return message

    @override
    async def on_failure(self, *_: Any) -> None:  # type: ignore[override] # a hook may be a coroutine
        await asyncio.sleep(1)

    async def _fail(self) -> None:
        raise ValueError("child")

    async def _end_badly(self) -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            raise OSError("clean-up")

    @override
    def _handle_receive(self, message: Any) -> Any:
        return self.on_receive(message)


class Scene:
    """A directory of parents, what all incarnations heard, and what they failed of."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.starts = 0
        self.crashes: list[str] = []
        self.directory: Directory[int, Parent] = Directory(
            self._start, kind="parent", on_crash=lambda _, error: self.crashes.append(str(error))
        )

    def _start(self, _key: int) -> Any:
        self.starts += 1
        return Parent.start(self.heard)


async def test_several_children_that_fail_fail_one_incarnation() -> None:
    scene = Scene()
    scene.directory.tell(1, "five that fail")
    await asyncio.sleep(60)
    scene.directory.tell(1, "next")
    await asyncio.sleep(60)
    assert (scene.crashes, scene.starts) == (["child"], 2)


async def test_a_child_that_fails_while_its_actor_ends_does_not_fail_the_next_one() -> None:
    scene = Scene()
    scene.directory.tell(1, "one that ends badly")
    await asyncio.sleep(1)
    scene.directory.tell(1, "fail")
    await asyncio.sleep(60)
    assert set(scene.crashes) == {"fail"}


async def test_the_result_of_a_child_is_not_told_to_the_next_incarnation() -> None:
    scene = Scene()
    scene.directory.tell(1, ("work for", 10))
    await asyncio.sleep(10)
    scene.directory.tell(1, "fail")
    assert await scene.directory.ask(1, "behind", 600.0) == "behind"
    assert "result" not in scene.heard


async def test_a_result_that_fails_its_actor_is_not_repeated() -> None:
    scene = Scene()
    scene.directory.tell(1, ("work for", 1))
    await asyncio.sleep(600)
    assert Counter(scene.heard)["result"] == 1


async def test_what_an_incarnation_wanted_to_know_is_not_told_to_the_next_one() -> None:
    watcher, watched = Recorder.start(), Recorder.start()
    left: list[Any] = []
    watcher.bequeath(left.extend)
    Monitor(watcher, watched)
    watcher.tell("wait")
    await asyncio.sleep(1)
    watched.kill()
    await asyncio.sleep(1)
    watcher.tell("from outside")
    watcher.kill()
    await watcher.ended()
    assert [envelope.message for envelope in left] == ["from outside"]
    assert not any(isinstance(envelope.message, ActorDown) for envelope in left)


class Shy(AsyncioActor):
    """Puts its first message aside and fails of it at once."""

    def __init__(self, heard: list[Any]) -> None:
        super().__init__()
        self._heard = heard

    @override
    def on_receive(self, message: Any) -> Any:
        self._heard.append(message)
        if len(self._heard) == 1:
            self.stash()
            raise ValueError(message)
        return message


async def test_a_message_that_was_put_aside_and_failed_its_actor_is_repeated_once() -> None:
    heard: list[Any] = []
    directory = Directory(lambda _: Shy.start(heard), kind="shy")
    directory.tell(1, "message")
    await asyncio.sleep(600)
    assert heard == ["message", "message"]


async def test_an_ask_that_was_put_aside_and_failed_is_not_repeated() -> None:
    heard: list[Any] = []
    ref = Shy.start(heard)
    with pytest.raises(ValueError, match="message"):
        await ref.request("message", 5.0)
    assert not ref.busy
