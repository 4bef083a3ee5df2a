"""Failures that no restart mends: a first start that must succeed, and errors that are fatal."""

import asyncio
from typing import Any

import pytest

from config.errors import TroupeError
from supervision import Child, Down, EscalatedError, Policy, Supervisor, supervisor_child
from tests.supervision.children import Script

pytestmark = pytest.mark.unit


class RefusedError(TroupeError):
    """The other side refused us for good."""

    fatal = True


@pytest.fixture
def script() -> Script:
    return Script()


def a_supervisor(script: Script, *names: str, **policy: Any) -> Supervisor:
    return Supervisor("root", [script.child(name) for name in names], Policy(**policy))


async def failed_of(root: Supervisor) -> EscalatedError:
    """Wait until it gives up, well before any delay of a restart."""
    async with asyncio.timeout(0.01):
        return await root.wait_failed()


async def test_a_first_start_that_must_succeed_and_fails_ends_everything_at_once(script: Script) -> None:
    broken = Script(bad_starts=1)
    children = [script.child("a"), broken.child("b"), script.child("c")]
    root = Supervisor("root", children, Policy(intensity=9, must_start=True))
    with pytest.raises(EscalatedError, match="'b' cannot start") as caught:
        await root.start()
    assert isinstance(caught.value.__cause__, OSError)
    assert script.story == ["start a", "stop a"]


async def test_a_first_start_that_need_not_succeed_is_tried_again(script: Script) -> None:
    script.bad_starts = 1
    await a_supervisor(script, "a", must_start=False).start()
    assert script.story == ["start a"]


async def test_who_started_once_is_restarted_after_a_failure(script: Script) -> None:
    root = await a_supervisor(script, "a", must_start=True).start()
    script.lives["a"].end(OSError())
    await asyncio.sleep(1)
    assert script.story == ["start a", "start a"]
    await root.stop()


async def test_a_later_start_that_fails_is_tried_again(script: Script) -> None:
    root = await a_supervisor(script, "a", must_start=True).start()
    script.bad_starts = 1
    script.lives["a"].end(OSError())
    await asyncio.sleep(31)
    assert script.story == ["start a", "start a"]
    await root.stop()


async def test_a_child_that_is_added_later_must_start_as_well(script: Script) -> None:
    root = await a_supervisor(script, must_start=True).start()
    script.bad_starts = 1
    with pytest.raises(EscalatedError, match="'late' cannot start"):
        await root.begin(script.child("late"))


async def test_a_fatal_error_is_not_tried_again(script: Script) -> None:
    root = await a_supervisor(script, "a", intensity=9).start()
    script.lives["a"].end(RefusedError())
    error = await failed_of(root)
    assert "'a' failed for good" in str(error)
    assert script.story == ["start a"]


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
async def test_a_fatal_error_ends_all_whatever_the_restart_type(script: Script, restart: Any) -> None:
    root = await Supervisor("root", [script.child("a", restart)]).start()
    script.lives["a"].end(RefusedError())
    assert isinstance((await failed_of(root)).origin, RefusedError)


async def test_a_fatal_error_stops_the_siblings_in_reverse_order(script: Script) -> None:
    root = await a_supervisor(script, "a", "b", "c", "d").start()
    script.lives["b"].end(RefusedError())
    await failed_of(root)
    assert script.story[4:] == ["stop d", "stop c", "stop a"]


async def test_a_fatal_start_is_not_tried_again() -> None:
    tries: list[float] = []

    async def start() -> Any:
        tries.append(asyncio.get_running_loop().time())
        raise RefusedError

    with pytest.raises(EscalatedError, match="'a' cannot start"):
        await Supervisor("root", [Child(name="a", start=start)], Policy(intensity=9)).start()
    assert tries == [0.0]


async def test_the_fatal_error_of_one_asked_to_stop_is_nobody_s_end(script: Script) -> None:
    script.stop_s = 1.0
    downs: list[Down] = []
    root = await a_supervisor(script, "a", "b").start()
    root.monitor(downs.append)
    root.remove("a")
    script.lives["a"].end(RefusedError())
    await asyncio.sleep(5)
    assert [down.reason for down in downs] == ["stopped"]
    assert root.running("b") is not None
    await root.stop()


async def test_a_fatal_error_goes_through_every_supervisor_above(script: Script) -> None:
    def inner() -> Supervisor:
        return Supervisor("inner", [script.child("leaf")], Policy(intensity=9))

    def outer() -> Supervisor:
        return Supervisor("outer", [supervisor_child("inner", inner)], Policy(intensity=9))

    children = [script.child("a"), supervisor_child("outer", outer), script.child("z")]
    root = await Supervisor("root", children, Policy(intensity=9)).start()
    refused = RefusedError("no such account")
    script.lives["leaf"].end(refused)
    error = await failed_of(root)
    assert error.origin is refused
    assert script.story == ["start a", "start leaf", "start z", "stop z", "stop a"]


async def test_an_ordinary_failure_ends_at_the_supervisor_above_the_one_that_gave_up(script: Script) -> None:
    inner = supervisor_child("inner", lambda: a_supervisor(script, "leaf", intensity=0))
    root = await Supervisor("root", [inner]).start()
    script.lives["leaf"].end(OSError())
    await asyncio.sleep(1)
    assert script.story == ["start leaf", "start leaf"]
    await root.stop()
