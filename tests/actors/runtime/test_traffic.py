"""How much mail waits, how long, and what it takes, told per kind of actor."""

import asyncio
import random
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from actors.runtime import AsyncioActor, CrashLoops, CrashPolicy, Directory
from actors.runtime.traffic import EACH, Traffic
from config import metrics
from tests.actors.runtime.actors_under_test import Recorder
from tests.virtual_time import run_virtually

pytestmark = pytest.mark.unit
_kinds = count()


class Slow(AsyncioActor):
    """Takes a second for a number, and does what words say."""

    @override
    async def on_receive(self, message: Any) -> None:  # type: ignore[override] # a handler may be a coroutine
        match message:
            case "fail":
                raise ValueError
            case "keep":
                self.stash()
            case "go on":
                self.unstash()
            case _:
                await asyncio.sleep(1)


@pytest.fixture
def kind() -> str:
    return f"slow {next(_kinds)}"


@pytest.fixture
async def directory(kind: str) -> Iterator[Directory[int, Slow]]:
    directory = directory_of(kind)
    directory._traffic._clock = asyncio.get_running_loop().time
    yield directory
    await directory.stop()


def directory_of(kind: str) -> Directory[int, Slow]:
    crashes: CrashLoops[int] = CrashLoops(CrashPolicy(lives=3), draw=lambda: 1.0)
    return Directory(lambda _: Slow.start(), kind=kind, crashes=crashes)


def told(name: str, kind: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, {"kind": kind})


async def test_one_message_in_seven_is_timed(directory: Directory[int, Slow], kind: str) -> None:
    for number in range(10 * EACH):
        directory.tell(1, number)
    await asyncio.sleep(11 * EACH)

    names = ("troupe_mailbox_wait_seconds_count", "troupe_actor_handling_seconds_count")
    assert [told(name, kind) for name in names] == [10.0, 10.0]


async def test_waiting_and_handling_are_told_apart(directory: Directory[int, Slow], kind: str) -> None:
    for number in range(10 * EACH):
        directory.tell(1, number)
    await asyncio.sleep(11 * EACH)

    first_timed, rest = divmod(told("troupe_mailbox_wait_seconds_sum", kind) - 315.0, 10)  # type: ignore[operator]
    assert (first_timed in range(EACH), rest) == (True, 0.0)
    assert told("troupe_actor_handling_seconds_sum", kind) == 10.0


async def test_a_message_is_timed_each_time_that_a_handler_fails_of_it(
    directory: Directory[int, Slow], kind: str
) -> None:
    for key in range(EACH):
        directory.tell(key, "fail")
    await asyncio.sleep(10)

    assert told("troupe_actor_handling_seconds_count", kind) == 3.0


async def test_the_wait_of_a_repeated_message_includes_the_rest_after_the_crash(
    directory: Directory[int, Slow], kind: str
) -> None:
    for key in range(EACH):
        directory.tell(key, "fail")
    await asyncio.sleep(10)

    assert told("troupe_mailbox_wait_seconds_sum", kind) == pytest.approx(0.1)


async def test_crashes_are_counted_per_kind(directory: Directory[int, Slow], kind: str) -> None:
    directory.tell(1, "fail")
    directory.tell(2, "fail")
    await asyncio.sleep(100)

    assert told("troupe_actor_crashes_total", kind) == 6.0


async def test_what_is_put_aside_is_unread(directory: Directory[int, Slow], kind: str) -> None:
    directory.tell(1, "keep")
    directory.tell(1, "keep")
    await asyncio.sleep(1)

    assert told("troupe_mailbox_depth", kind) == 2.0


async def test_what_waits_for_a_restart_is_unread(directory: Directory[int, Slow], kind: str) -> None:
    directory.tell(1, "fail")
    await asyncio.sleep(0.01)
    directory.tell(1, 1)
    directory.tell(1, 2)

    assert told("troupe_mailbox_depth", kind) == 3.0


async def test_idle_and_rested_actors_are_not_even_looked_at(directory: Directory[int, Slow]) -> None:
    for key in range(100):
        directory.tell(key, "go on")
    await asyncio.sleep(10)
    for key in range(50):
        directory.passivate(key)
    await asyncio.sleep(10)

    assert directory._traffic.holders == set()


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_the_depth_is_what_a_walk_over_everything_finds(seed: int) -> None:
    run_virtually(_life(random.Random(seed)))


async def _life(dice: random.Random) -> None:
    directory = directory_of("walked")
    for _ in range(60):
        directory.tell(dice.randrange(5), dice.choice([1, 2, "fail", "keep", "keep", "go on"]))
        if dice.random() < 0.2:
            directory.passivate(dice.randrange(5))
        await asyncio.sleep(dice.choice([0.0, 0.0, 0.3, 1.5]))
        assert told("troupe_mailbox_depth", "walked") == _walk(directory)
    await directory.stop()
    assert directory._traffic.holders == set()


def _walk(directory: Directory[int, Slow]) -> int:
    return sum(len(slot.ref.mailbox) + len(slot.waiting or ()) for slot in directory._slots.values())


async def test_an_actor_that_is_over_holds_no_mail() -> None:
    ref = Recorder.start()
    traffic = Traffic("over")
    ref.mailbox.measure(traffic)
    await ref.request("hello", 5.0)
    ref.kill()
    await ref.ended()
    assert not traffic.holders
