import asyncio
import random
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from actors.runtime import AsyncioActor, AsyncioRef, CrashLoops, CrashPolicy, Directory
from actors.runtime.errors import ActivationError, ActorGoneError, OverloadedError
from tests.virtual_time import run_virtually

pytestmark = pytest.mark.unit


class Log:
    """What all incarnations of all keys heard."""

    def __init__(self) -> None:
        self.heard: defaultdict[int, list[Any]] = defaultdict(list)
        self.starts: defaultdict[int, int] = defaultdict(int)
        self.quiet: list[int] = []
        self.stops: defaultdict[int, int] = defaultdict(int)


class Virtual(AsyncioActor):
    """Starts and stops in its own time, fails and works on demand."""

    def __init__(self, key: int, log: Log, slow_s: float) -> None:
        super().__init__()
        self._key = key
        self._log = log
        self._slow_s = slow_s

    @override
    async def on_start(self) -> None:
        self._log.starts[self._key] += 1
        await asyncio.sleep(self._slow_s)
        if self._key < 0:
            raise OSError("no such key")

    @override
    async def on_stop(self) -> None:  # type: ignore[override] # a hook may be a coroutine
        await asyncio.sleep(self._slow_s)
        self._log.stops[self._key] += 1

    @override
    def on_quiet(self) -> None:
        self._log.quiet.append(self._key)

    @override
    def on_receive(self, message: Any) -> Any:
        if message == "fail":
            raise ValueError("failed")
        if message == "stop yourself":
            self.stop()
            return None
        if message == "work":
            message = asyncio.sleep(10_000)
        if asyncio.iscoroutine(message):
            self.spawn(message)
            return None
        self._log.heard[self._key].append(message)
        return message


def directory_of(log: Log, slow_s: float = 0.0, **options: Any) -> Directory[int, Virtual]:
    def activate(key: int) -> AsyncioRef[Virtual]:
        if key == 666:
            raise RuntimeError("no room")
        return Virtual.start(key, log, slow_s)

    return Directory(activate, kind="test", **options)


async def test_the_first_message_starts_the_actor() -> None:
    log = Log()
    directory = directory_of(log)
    assert await directory.ask(1, "hello", 5.0) == "hello"
    directory.tell(1, "again")
    await asyncio.sleep(1)
    assert log.starts == {1: 1}
    assert 1 in directory
    assert [key for key, _ in directory.refs()] == [1]


async def test_an_idle_actor_is_put_to_rest_and_comes_back() -> None:
    log = Log()
    directory = directory_of(log, idle_s=100.0)
    directory.tell(1, "hello")
    await asyncio.sleep(99)
    assert len(directory) == 1
    await asyncio.sleep(2)
    assert len(directory) == 0
    assert await directory.ask(1, "back", 5.0) == "back"
    assert log.starts == {1: 2}


async def test_use_keeps_an_actor_alive() -> None:
    log = Log()
    directory = directory_of(log, idle_s=100.0)
    for _ in range(10):
        directory.tell(1, "hello")
        await asyncio.sleep(60)
    assert log.starts == {1: 1}


async def test_a_busy_actor_is_not_put_to_rest() -> None:
    log = Log()
    directory = directory_of(log, idle_s=100.0, capacity=1)
    directory.tell(1, "work")
    await asyncio.sleep(5_000)
    directory.tell(2, "hello")
    await asyncio.sleep(1)
    assert 1 in directory


async def test_an_actor_is_told_once_that_nobody_writes() -> None:
    log = Log()
    directory = directory_of(log)
    directory.tell(1, "hello")
    await asyncio.sleep(55)
    directory.tell(2, "hello")
    await asyncio.sleep(10)
    assert log.quiet == [1]
    await asyncio.sleep(600)
    assert log.quiet == [1, 2]


async def test_a_message_makes_an_actor_lively_again() -> None:
    log = Log()
    directory = directory_of(log)
    for _ in range(2):
        directory.tell(1, "hello")
        await asyncio.sleep(121)
    assert log.quiet == [1, 1]


async def test_a_busy_actor_is_told_when_it_is_not_busy_any_more() -> None:
    log = Log()
    directory = directory_of(log)
    for key, message in ((1, asyncio.sleep(100)), (2, "hello")):
        directory.tell(key, message)
    await asyncio.sleep(90)
    assert log.quiet == [2]
    await asyncio.sleep(150)
    assert log.quiet == [2, 1]


async def test_the_least_recently_used_gives_way_over_the_cap() -> None:
    log = Log()
    directory = directory_of(log, capacity=2)
    for key in (1, 2, 1, 3):
        await directory.ask(key, "hello", 5.0)
    await asyncio.sleep(1)
    assert sorted(key for key, _ in directory.refs()) == [1, 3]


async def test_messages_sent_while_it_is_put_to_rest_go_to_the_next_incarnation() -> None:
    log = Log()
    directory = directory_of(log, slow_s=10.0)
    await directory.ask(1, "first", 60.0)
    directory.passivate(1)
    directory.passivate(1)
    for word in ("second", "third"):
        directory.tell(1, word)
    answer = directory.ask(1, "fourth", 60.0)
    assert await answer == "fourth"
    assert log.heard[1] == ["first", "second", "third", "fourth"]
    assert (log.starts[1], log.stops[1]) == (2, 1)


async def test_an_actor_that_stops_by_itself_loses_nothing() -> None:
    log = Log()
    directory = directory_of(log, slow_s=10.0)
    directory.tell(1, "stop yourself")
    for number in range(5):
        directory.tell(1, number)
    await asyncio.sleep(15)
    directory.tell(1, 5)
    assert await directory.ask(1, 6, 60.0) == 6
    assert log.heard[1] == [0, 1, 2, 3, 4, 5, 6]


async def test_a_failed_start_is_reported_to_every_sender() -> None:
    log = Log()
    directory = directory_of(log, slow_s=1.0)
    answers = [directory.ask(-1, number, 60.0) for number in range(3)]
    for answer in answers:
        with pytest.raises(ActivationError):
            await answer
    assert log.starts == {-1: 1}
    assert len(directory) == 0


async def test_an_activation_that_raises_is_reported_to_the_sender() -> None:
    directory = directory_of(Log())
    with pytest.raises(ActivationError):
        await directory.ask(666, "hello", 5.0)


async def test_mail_that_waits_is_answered_when_the_next_activation_raises() -> None:
    log = Log()
    started = 0

    def activate(key: int) -> AsyncioRef[Virtual]:
        nonlocal started
        started += 1
        if started > 1:
            raise RuntimeError("no room")
        return Virtual.start(key, log, 1.0)

    directory = Directory(activate, kind="test")
    await directory.ask(1, "hello", 60.0)
    directory.passivate(1)
    answer = directory.ask(1, "again", 60.0)
    with pytest.raises(ActivationError):
        await answer


async def test_the_buffer_of_a_resting_actor_is_bounded() -> None:
    directory = directory_of(Log(), slow_s=10.0, crashes=CrashLoops(CrashPolicy(waiting=2)))
    await directory.ask(1, "hello", 60.0)
    directory.passivate(1)
    directory.tell(1, 1)
    directory.tell(1, 2)
    with pytest.raises(OverloadedError):
        directory.tell(1, 3)


async def test_stop_waits_for_all_and_refuses_newcomers() -> None:
    log = Log()
    directory = directory_of(log, slow_s=1.0)
    for key in range(5):
        directory.tell(key, "hello")
    await directory.stop(60.0)
    assert len(directory) == 0
    assert sum(log.stops.values()) == 5
    with pytest.raises(ActorGoneError):
        directory.tell(1, "late")


async def test_stop_kills_what_needs_too_long_and_answers_what_waits() -> None:
    directory = directory_of(Log(), slow_s=1_000.0)
    answer = directory.ask(1, "hello", 5_000.0)
    started = asyncio.get_running_loop().time()
    await directory.stop(5.0)
    assert asyncio.get_running_loop().time() - started == 5.0
    with pytest.raises(ActivationError):
        await answer


async def _race(seed: int, rounds: int) -> tuple[list[int], list[int]]:
    """Send numbers while the actor is put to rest at every possible moment."""
    dice = random.Random(seed)
    log = Log()
    directory = directory_of(log, slow_s=dice.choice((0.0, 0.5)), idle_s=3.0, capacity=2)
    for number in range(rounds):
        directory.tell(1, number)
        match dice.randrange(6):
            case 0:
                directory.passivate(1)
            case 1:
                directory.tell(1, "stop yourself")
            case 2:
                directory.tell(dice.randrange(2, 5), "crowd it out")
            case 3:
                await asyncio.sleep(dice.choice((0.0, 0.1, 0.6, 5.0)))
            case _:
                await asyncio.sleep(0)
    await directory.ask(1, rounds, 1_000.0)
    await directory.stop(100.0)
    return log.heard[1], list(range(rounds + 1))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_no_message_is_lost_or_reordered_by_any_race(seed: int) -> None:
    heard, sent = run_virtually(_race(seed, 100))
    assert heard == sent
