"""What is over leaves no memory behind that only a garbage collection would find."""

import asyncio
import gc
import logging
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import AsyncioActor, AsyncioRef, Directory

pytestmark = pytest.mark.unit


class Plain(AsyncioActor):
    """Does what it is told."""

    @override
    def on_receive(self, message: Any) -> Any:
        match message:
            case "fail":
                self._fail()
            case "spawn":
                self.spawn(asyncio.sleep(1, "woke"), done=lambda word: word)
            case _:
                pass
        return message

    def _fail(self) -> None:
        try:
            int("origin")
        except ValueError as error:
            raise RuntimeError("failure") from error


class Suspending(Plain):
    """The same, in coroutines."""

    @override
    async def on_start(self) -> None:  # type: ignore[override] # a hook may be a coroutine
        await asyncio.sleep(1)

    @override
    async def on_receive(self, message: Any) -> Any:
        await asyncio.sleep(1)
        return super().on_receive(message)


@pytest.fixture(params=["frozen", "not frozen"])
def no_collections(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Collect no garbage; true when what lives before its end is to be frozen.

    Records of the log are kept by the test's own handlers, and with them the frames of failures.
    """
    monkeypatch.setattr(logging.getLogger("pykka"), "disabled", True)
    gc.disable()
    yield request.param == "frozen"
    gc.unfreeze()
    gc.enable()


Lives = pytest.mark.parametrize("kind", [Plain, Suspending])


def actor_of(ref: AsyncioRef[Any]) -> "weakref.ref[Any]":
    actor = ref._actor_weakref()  # pyright: ignore[reportPrivateUsage] - Pykka's way to the actor
    assert actor is not None
    return weakref.ref(actor)


async def let_another_run() -> None:
    """A loop remembers whom it ran last."""
    await Plain.start().request("hello", 9.0)


@Lives
@pytest.mark.parametrize("message", ["hello", "spawn"])
async def test_an_actor_that_stopped_is_freed(kind: type[Plain], message: str, no_collections: bool) -> None:
    ref = kind.start()
    await ref.request(message, 9.0)
    actor = actor_of(ref)
    if no_collections:
        gc.freeze()

    await ref.stop(block=False)
    del ref
    await let_another_run()

    assert actor() is None


@Lives
async def test_an_actor_that_is_killed_in_its_handler_is_freed(
    kind: type[Plain], no_collections: bool
) -> None:
    ref = kind.start()
    await ref.request("spawn", 9.0)
    ref.tell("work")
    await asyncio.sleep(0.1)
    actor = actor_of(ref)
    if no_collections:
        gc.freeze()

    ref.kill()
    await ref.ended()
    del ref
    await let_another_run()

    assert actor() is None


@Lives
async def test_an_actor_that_a_directory_puts_to_rest_is_freed(
    kind: type[Plain], no_collections: bool
) -> None:
    directory: Directory[int, Plain] = Directory(lambda _: kind.start(), kind="plain")
    await directory.ask(1, "hello", 9.0)
    actor = actor_of(next(directory.refs())[1])
    if no_collections:
        gc.freeze()

    directory.passivate(1)
    await asyncio.sleep(5)
    await let_another_run()

    assert actor() is None


@Lives
async def test_an_actor_that_failed_in_a_directory_is_freed(kind: type[Plain], no_collections: bool) -> None:
    directory: Directory[int, Plain] = Directory(lambda _: kind.start(), kind="plain")
    await directory.ask(1, "hello", 9.0)
    actor = actor_of(next(directory.refs())[1])
    if no_collections:
        gc.freeze()

    directory.tell(1, "fail")
    await asyncio.sleep(5)
    await let_another_run()

    assert actor() is None


async def test_what_a_failed_actor_says_of_its_end_outlives_it() -> None:
    errors: list[BaseException] = []
    directory: Directory[int, Plain] = Directory(
        lambda _: Plain.start(), kind="plain", on_crash=lambda _, error: errors.append(error)
    )

    directory.tell(1, "fail")
    await asyncio.sleep(5)

    assert [str(error) for error in errors[:1]] == ["failure"]
