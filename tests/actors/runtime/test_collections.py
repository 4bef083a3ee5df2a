"""Full collections stay short, and yet garbage is found in the end."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from actors.runtime.memory import THAW_EVERY_S, calm_collections, stay_calm

pytestmark = pytest.mark.unit


class Knot:
    """Refers to itself: only a collection finds it."""

    def __init__(self) -> None:
        self.knot = self


class Scene:
    """A process that keeps its collections short, in virtual time."""

    def __init__(self) -> None:
        self.is_quiet = True
        self.work = asyncio.create_task(stay_calm(lambda: self.is_quiet))

    async def frozen_garbage(self) -> "weakref.ref[Knot]":
        await asyncio.sleep(1)
        knot = Knot()
        gone = weakref.ref(knot)
        gc.collect()
        return gone


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    yield scene
    scene.work.cancel()
    with suppress(asyncio.CancelledError):
        await scene.work


def is_looked_at(thing: object) -> bool:
    return any(one is thing for one in gc.get_objects())


def test_what_survived_a_full_collection_is_not_looked_at_again() -> None:
    with calm_collections():
        young = Knot()
        gc.collect()
        assert not is_looked_at(young)


def test_what_came_since_the_last_full_collection_is_looked_at() -> None:
    with calm_collections():
        assert is_looked_at(Knot().knot)


def test_everything_is_as_before_in_the_end() -> None:
    before = (gc.get_threshold(), list(gc.callbacks), gc.get_freeze_count())
    with calm_collections():
        pass
    assert (gc.get_threshold(), list(gc.callbacks), gc.get_freeze_count()) == before


async def test_garbage_that_was_frozen_is_kept_for_hours(scene: Scene) -> None:
    garbage = await scene.frozen_garbage()
    await asyncio.sleep(THAW_EVERY_S - 60)
    gc.collect()
    assert garbage() is not None


async def test_garbage_that_was_frozen_is_found_in_a_quiet_moment(scene: Scene) -> None:
    garbage = await scene.frozen_garbage()
    await asyncio.sleep(THAW_EVERY_S)
    assert garbage() is None


async def test_everything_is_looked_at_when_it_gets_quiet_and_not_before(scene: Scene) -> None:
    garbage = await scene.frozen_garbage()
    scene.is_quiet = False
    await asyncio.sleep(THAW_EVERY_S + 600)
    is_kept = garbage() is not None
    scene.is_quiet = True
    await asyncio.sleep(120)
    assert (is_kept, garbage()) == (True, None)


async def test_everything_is_looked_at_some_time_though_it_never_gets_quiet(scene: Scene) -> None:
    garbage = await scene.frozen_garbage()
    scene.is_quiet = False
    await asyncio.sleep(2 * THAW_EVERY_S)
    assert garbage() is None


@pytest.mark.usefixtures("scene")
async def test_after_a_look_at_everything_what_lives_is_left_alone_again() -> None:
    await asyncio.sleep(1)
    living = Knot()
    await asyncio.sleep(THAW_EVERY_S)
    assert not is_looked_at(living)
