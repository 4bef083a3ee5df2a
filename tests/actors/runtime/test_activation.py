"""Actors behind keys whose start hangs, or cannot even begin."""

import asyncio
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import AsyncioActor, AsyncioRef, CrashLoops, CrashPolicy, Directory
from actors.runtime.errors import ActivationError, ActivationTimeoutError
from supervision import Backoff

pytestmark = pytest.mark.unit


class Slow(AsyncioActor):
    """Needs a while to start."""

    def __init__(self, start_s: float) -> None:
        super().__init__()
        self._start_s = start_s

    @override
    async def on_start(self) -> None:  # type: ignore[override] # a hook may be a coroutine
        await asyncio.sleep(self._start_s)

    @override
    def on_receive(self, message: Any) -> Any:
        return message


async def test_a_start_that_hangs_fails_after_a_while_and_leaves_the_key_free() -> None:
    seconds = [1_000.0, 1.0]
    crashes: list[BaseException] = []
    directory = Directory(
        lambda _: Slow.start(seconds.pop(0)), kind="slow", on_crash=lambda _, error: crashes.append(error)
    )
    with pytest.raises(ActivationTimeoutError):
        await directory.ask(1, "hello", 600.0)
    assert asyncio.get_running_loop().time() == 30.0
    assert [type(crash) for crash in crashes] == [ActivationTimeoutError]
    assert await directory.ask(1, "again", 600.0) == "again"


async def test_a_start_may_take_as_long_as_the_directory_says() -> None:
    directory = Directory(
        lambda _: Slow.start(1_000.0), kind="slow", crashes=CrashLoops(CrashPolicy(start_s=None))
    )
    assert await directory.ask(1, "hello", 2_000.0) == "hello"


async def test_an_actor_that_has_started_has_no_limit() -> None:
    directory = Directory(lambda _: Slow.start(29.0), kind="slow")
    assert await directory.ask(1, "hello", 600.0) == "hello"
    await asyncio.sleep(300)
    assert 1 in directory


async def test_an_activation_that_raises_is_tried_again_with_growing_delays() -> None:
    tried: list[float] = []
    crashes: list[str] = []

    def activate(_key: int) -> AsyncioRef[Slow]:
        tried.append(asyncio.get_running_loop().time())
        raise RuntimeError("no room")

    directory = Directory(
        activate,
        kind="raising",
        crashes=CrashLoops(CrashPolicy(backoff=Backoff(first_s=10.0)), draw=lambda: 0.5),
        on_crash=lambda _, error: crashes.append(str(error)),
    )
    for number in range(4):
        with pytest.raises(ActivationError):
            await directory.ask(1, number, 100.0)
    assert [round(at) for at in tried] == [0, 0, 5, 15]
    assert crashes == ["no room"] * 4
