"""The guard itself: it sees a blocking call wherever one of ours makes it on a loop."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockingError

from tests.blocking import GUARDED

pytestmark = pytest.mark.unit

SOURCE = """
import os

def read():
    return os.listdir("/")

async def read_on_the_loop():
    return read()
"""


def of(package: str, name: str) -> Any:
    """Return a function that blocks, as if it stood in a module of that package."""
    folder = Path(importlib.import_module(package).__path__[0])
    names: dict[str, Any] = {}
    exec(compile(SOURCE, str(folder / "some_module.py"), "exec"), names)  # noqa: S102 - the lines above
    return names[name]


@pytest.mark.parametrize("package", GUARDED)
async def test_a_blocking_call_of_ours_on_a_loop_is_caught(package: str, blocking_guard: list[str]) -> None:
    awaited: Callable[[], Awaitable[Any]] = of(package, "read_on_the_loop")
    with pytest.raises(BlockingError):
        await awaited()
    assert "some_module.py:5 read" in blocking_guard.pop()


@pytest.mark.parametrize("package", GUARDED)
async def test_a_blocking_callback_of_ours_is_caught(package: str, blocking_guard: list[str]) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)
    loop.call_soon(of(package, "read"))
    await asyncio.sleep(0)
    assert "some_module.py:5 read" in blocking_guard.pop()


async def test_one_that_ours_bears_as_a_failure_is_caught_as_well(blocking_guard: list[str]) -> None:
    with suppress(Exception):
        await of("bot", "read_on_the_loop")()
    assert "os.listdir in" in blocking_guard.pop()


@pytest.mark.parametrize("package", ["actors.runtime", "supervision"])
async def test_the_runtime_may_not_even_block_whoever_calls_it(
    package: str, blocking_guard: list[str]
) -> None:
    with pytest.raises(BlockingError):
        of(package, "read")()
    blocking_guard.clear()


async def test_a_test_may_call_what_blocks() -> None:
    assert of("storage", "read")()


@pytest.mark.parametrize("package", GUARDED)
async def test_in_a_thread_anything_may_block(package: str) -> None:
    assert await asyncio.to_thread(of(package, "read"))


@pytest.mark.parametrize("package", GUARDED)
def test_without_a_loop_anything_may_block(package: str) -> None:
    assert of(package, "read")()
