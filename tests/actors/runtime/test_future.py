import asyncio
import queue
import threading
from typing import Any

import pytest
from pykka import ThreadingFuture

from actors.runtime import AsyncioFuture, bridge
from actors.runtime.errors import AskTimeoutError, DeadlockError

pytestmark = pytest.mark.unit


async def test_await_suspends_until_it_is_set() -> None:
    future: AsyncioFuture[int] = AsyncioFuture()
    asyncio.get_running_loop().call_later(5, future.set, 1)
    assert await future == 1
    assert await future == 1


async def test_await_raises_what_was_set() -> None:
    future: AsyncioFuture[int] = AsyncioFuture()
    future.fail(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await future


async def test_an_exception_class_is_raised_as_an_instance() -> None:
    future: AsyncioFuture[int] = AsyncioFuture()
    future.set_exception((KeyError, None, None))
    with pytest.raises(KeyError):
        await future


async def test_await_ends_by_the_timeout_and_leaves_the_future_usable() -> None:
    future: AsyncioFuture[int] = AsyncioFuture()
    future.timeout = 2.0
    with pytest.raises(AskTimeoutError):
        await future
    future.set(1)
    assert await future == 1


async def test_several_tasks_await_one_future() -> None:
    future: AsyncioFuture[int] = AsyncioFuture()

    async def wait() -> int:
        return await future

    waiting = asyncio.gather(wait(), wait())
    await asyncio.sleep(1)
    future.set(1)
    assert await waiting == [1, 1]


async def test_a_cancelled_await_does_no_harm() -> None:
    future: AsyncioFuture[int] = AsyncioFuture()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await future
    future.set(1)
    assert future.get() == 1


async def test_map_filter_join_and_reduce_can_be_awaited() -> None:
    one: AsyncioFuture[Any] = AsyncioFuture()
    two: AsyncioFuture[Any] = AsyncioFuture()
    loop = asyncio.get_running_loop()
    loop.call_later(1, one.set, [1, 2, 3])
    loop.call_later(2, two.set, 4)
    assert await one.filter(lambda number: number > 1) == [2, 3]
    assert await one.map(len) == 3
    assert await one.reduce(lambda sum_, number: sum_ + number) == 6
    assert await one.join(two).map(len) == 2


async def test_a_derived_future_on_a_loop_refuses_to_block() -> None:
    source: AsyncioFuture[int] = AsyncioFuture()
    derived = source.map(lambda number: number + 1)
    with pytest.raises(DeadlockError):
        derived.get()
    source.set(1)
    assert derived.get() == 2


async def test_an_error_of_the_source_reaches_whoever_awaits_the_derived() -> None:
    source: AsyncioFuture[int] = AsyncioFuture()
    derived = source.map(lambda number: number + 1)
    source.fail(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await derived


def test_a_hook_set_by_hand_runs_in_a_thread() -> None:
    async def story() -> tuple[str, str]:
        future: AsyncioFuture[str] = AsyncioFuture()
        future.set_get_hook(lambda _timeout: threading.current_thread().name)
        return await future, threading.current_thread().name

    hook, loop = asyncio.run(story())
    assert hook != loop


def test_joining_a_stock_future_waits_in_a_thread() -> None:
    async def story() -> Any:
        ours: AsyncioFuture[int] = AsyncioFuture()
        stock: ThreadingFuture[int] = ThreadingFuture()
        joined = ours.join(stock)
        ours.set(1)
        threading.Timer(0.01, stock.set, [2]).start()
        return await joined

    assert asyncio.run(story()) == [1, 2]


def test_bridge_awaits_any_future() -> None:
    async def story() -> list[int]:
        ours: AsyncioFuture[int] = AsyncioFuture()
        stock: ThreadingFuture[int] = ThreadingFuture()
        threading.Timer(0.01, ours.set, [1]).start()
        threading.Timer(0.01, stock.set, [2]).start()
        return [await bridge(ours), await bridge(stock)]

    assert asyncio.run(story()) == [1, 2]


def test_get_waits_in_a_thread() -> None:
    future: AsyncioFuture[int] = AsyncioFuture()
    threading.Timer(0.01, future.set, [1]).start()
    assert future.get(timeout=5) == 1


def test_setting_after_the_loop_is_closed_does_no_harm() -> None:
    future: AsyncioFuture[int] = AsyncioFuture()

    async def story() -> None:
        async with asyncio.timeout(0.001):
            await future

    with pytest.raises(TimeoutError):
        asyncio.run(story())
    future.set(1)
    assert future.get() == 1


def test_an_outcome_is_final() -> None:
    future: AsyncioFuture[int] = AsyncioFuture()
    future.set(1)
    for again in (lambda: future.set(2), lambda: future.fail(ValueError())):
        with pytest.raises(queue.Full):
            again()
    with pytest.raises(queue.Full):
        future.set_get_hook(lambda _timeout: 3)
