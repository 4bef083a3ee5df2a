"""Actors that fail again and again, and the messages they fail of."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from actors.runtime import AsyncioActor, CrashLoops, CrashPolicy, Directory
from actors.runtime.crash_loop import MOST_COUNTED
from actors.runtime.errors import ActivationError, ActorGoneError, AskTimeoutError, CrashLoopError
from supervision import Backoff

pytestmark = pytest.mark.unit

SLOW = CrashPolicy(backoff=Backoff(first_s=10.0), waiting=3)


class Fragile(AsyncioActor):
    """Fails of errors; `spare` lets it survive them."""

    def __init__(self, heard: list[Any]) -> None:
        super().__init__()
        self._heard = heard

    @override
    def on_receive(self, message: Any) -> Any:
        self._heard.append(message)
        if isinstance(message, BaseException):
            raise message
        return message


class Scene:
    """A directory of one kind of actor and everything it tells."""

    def __init__(self, policy: CrashPolicy | None = None) -> None:
        self.heard: list[Any] = []
        self.crashes: list[BaseException] = []
        self.times: list[float] = []
        self.poison: list[tuple[int, Any, BaseException, int]] = []
        self.directory: Directory[int, Fragile] = Directory(
            lambda _: Fragile.start(self.heard),
            kind="fragile",
            on_crash=self._crashed,
            on_poison=lambda *facts: self.poison.append(facts),
            crashes=CrashLoops(policy, draw=lambda: 0.5),
        )

    def _crashed(self, _key: int, error: BaseException) -> None:
        self.crashes.append(error)
        self.times.append(asyncio.get_running_loop().time())

    def tell(self, *messages: Any) -> None:
        for message in messages:
            self.directory.tell(1, message)


async def test_a_message_that_killed_is_the_first_of_the_next_incarnation_and_the_third_time_poison() -> None:
    scene = Scene()
    bad = ValueError("bad")
    scene.tell("a", bad, "b")
    assert await scene.directory.ask(1, "c", 60.0) == "c"
    assert scene.heard == ["a", bad, bad, bad, "b", "c"]
    assert scene.poison == [(1, bad, bad, 3)]
    assert scene.crashes == [bad] * 3


async def test_one_that_kills_once_is_only_late() -> None:
    scene = Scene()
    mends: list[Any] = []

    class Mending(Fragile):
        @override
        def on_receive(self, message: Any) -> Any:
            if message == "fails once" and not mends:
                mends.append(message)
                raise ValueError
            return super().on_receive(message)

    directory = Directory(lambda _: Mending.start(scene.heard), kind="mending")
    directory.tell(1, "fails once")
    assert await directory.ask(1, "behind", 60.0) == "behind"
    assert scene.heard == ["fails once", "behind"]


async def test_an_ask_is_answered_with_the_error_and_kills_nobody() -> None:
    scene = Scene()
    with pytest.raises(ValueError, match="bad"):
        await scene.directory.ask(1, ValueError("bad"), 5.0)
    assert scene.crashes == []
    assert scene.poison == []


async def test_an_ask_behind_a_crash_is_answered_by_its_deadline_or_by_the_next_incarnation() -> None:
    scene = Scene(SLOW)
    scene.tell(ValueError())
    soon, late = scene.directory.ask(1, "soon", 1.0), scene.directory.ask(1, "late", 100.0)
    with pytest.raises(AskTimeoutError):
        await soon
    assert await late == "late"
    assert "soon" not in scene.heard


async def test_the_delay_grows_from_crash_to_crash_and_mail_waits() -> None:
    scene = Scene(SLOW)
    scene.tell(ValueError("first"), ValueError("second"))
    assert await scene.directory.ask(1, "last", 1_000.0) == "last"
    assert [round(later - sooner) for sooner, later in pairwise(scene.times)] == [0, 5, 10, 15, 15]


async def test_mail_for_a_failing_actor_is_bounded() -> None:
    scene = Scene(SLOW)
    scene.tell(ValueError())
    await asyncio.sleep(1)
    scene.tell("second", "third")
    with pytest.raises(CrashLoopError) as refused:
        scene.tell("one too many")
    assert refused.value.retry_after == 4.0
    assert (scene.directory.delay(1), scene.directory.delay(2)) == (4.0, 0.0)
    assert len(scene.crashes) == 2


async def test_a_key_that_fails_too_often_rests_and_then_goes_on() -> None:
    scene = Scene(CrashPolicy(intensity=2, rest_s=1_000.0))
    scene.tell(ValueError())
    assert await scene.directory.ask(1, "after the rest", 5_000.0) == "after the rest"
    assert asyncio.get_running_loop().time() >= 1_000.0


async def test_a_failing_key_delays_no_other() -> None:
    scene = Scene(SLOW)
    scene.tell(ValueError())
    assert await scene.directory.ask(2, "elsewhere", 5.0) == "elsewhere"
    assert asyncio.get_running_loop().time() < 1.0


async def test_a_start_that_fails_again_and_again_is_tried_with_growing_delays() -> None:
    tried: list[float] = []

    class Failing(AsyncioActor):
        @override
        def on_start(self) -> None:
            tried.append(asyncio.get_running_loop().time())
            raise OSError

    loops: CrashLoops[int] = CrashLoops(SLOW, draw=lambda: 0.5)
    directory = Directory(lambda _: Failing.start(), kind="failing", crashes=loops)
    for number in range(4):
        with pytest.raises(ActivationError):
            await directory.ask(1, number, 100.0)
    assert [round(at) for at in tried] == [0, 0, 5, 15]


async def test_stopping_answers_what_waits_for_a_failing_actor() -> None:
    scene = Scene(SLOW)
    scene.tell(ValueError())
    await asyncio.sleep(1)
    answer = scene.directory.ask(1, "waits", 100.0)
    await scene.directory.stop()
    with pytest.raises(ActorGoneError):
        await answer
    assert len(scene.directory) == 0


async def test_an_observer_that_fails_loses_nothing() -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError

    directory = Directory(lambda _: Fragile.start([]), kind="fragile", on_crash=fail, on_poison=fail)
    directory.tell(1, ValueError())
    assert await directory.ask(1, "behind", 60.0) == "behind"


def test_failures_are_forgotten_after_health() -> None:
    loops: CrashLoops[str] = CrashLoops(SLOW, draw=lambda: 0.5)
    assert [loops.failed("a", at) for at in (0.0, 1.0, 2.0, 80.0)] == [0.0, 5.0, 10.0, 0.0]


def test_the_healthy_are_not_remembered() -> None:
    loops: CrashLoops[int] = CrashLoops(SLOW, draw=lambda: 0.5)
    for key in range(100):
        loops.failed(key, float(key * 10))
    assert len(loops) == 7


@given(st.lists(st.floats(0.0, 100.0), min_size=50, max_size=200), st.integers(1, 10))
def test_no_key_starts_more_often_than_the_policy_says(lives_s: list[float], intensity: int) -> None:
    """A key fails as soon as it has lived for a while, for ever: within a period the starts are bounded."""
    policy = CrashPolicy(intensity=intensity, period_s=60.0, rest_s=120.0)
    loops: CrashLoops[str] = CrashLoops(policy, draw=lambda: 0.0)
    now, starts = 0.0, [0.0]
    for lived_s in lives_s:
        now += lived_s
        now += loops.failed("a", now)
        starts.append(now)
        assert len([at for at in starts if now - at < policy.period_s]) <= intensity + 1


def test_a_key_that_was_well_for_long_has_its_failures_counted_still() -> None:
    crashes: CrashLoops[str] = CrashLoops()
    for now in (0.0, 1.0, 10_000.0):
        crashes.failed("ada", now)

    assert (crashes.count("ada"), crashes.count("bob")) == (3, 0)


def test_only_the_keys_that_failed_last_are_counted() -> None:
    crashes: CrashLoops[int] = CrashLoops()
    for key in range(MOST_COUNTED + 1):
        crashes.failed(key, 1_000.0 * key)

    assert [crashes.count(key) for key in (0, 1, MOST_COUNTED)] == [0, 1, 1]
