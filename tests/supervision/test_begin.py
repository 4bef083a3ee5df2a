"""Adding a child and waiting for it: `Supervisor.begin`."""

import asyncio

import pytest

from supervision import EscalatedError, Policy, SupervisionError, Supervisor, task_child
from supervision.child import Child
from supervision.errors import DuplicateChildError
from tests.supervision.children import Script

pytestmark = pytest.mark.unit


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_begin_returns_when_the_child_is_up() -> None:
    script = Script(start_s=2.0)
    root = await Supervisor("root").start()
    await root.begin(script.child("a"))
    assert script.story == ["start a"]
    assert now() == 2.0


async def test_begin_waits_over_starts_that_fail() -> None:
    script = Script(bad_starts=2)
    root = await Supervisor("root").start()
    await root.begin(script.child("a"))
    assert script.story == ["start a"]


async def test_begin_in_a_group_waits_for_those_before() -> None:
    script = Script(start_s=1.0)
    root = await Supervisor("root", policy=Policy(strategy="rest_for_one")).start()
    root.add(script.child("a"))
    await root.begin(script.child("b"))
    assert script.story == ["start a", "start b"]


async def test_begin_outlasts_a_restart_of_the_whole_group() -> None:
    script, slow = Script(), Script(start_s=2.0)
    root = await Supervisor("root", [script.child("a")], Policy(strategy="one_for_all")).start()
    beginning = asyncio.create_task(root.begin(slow.child("b")))
    await asyncio.sleep(1)
    script.lives["a"].end(OSError())
    await beginning
    assert script.story == ["start a", "start a"]
    assert now() == 3.0


async def test_begin_fails_with_the_supervisor_that_gives_up() -> None:
    script = Script(bad_starts=9)
    root = await Supervisor("root", policy=Policy(intensity=2)).start()
    with pytest.raises(EscalatedError) as caught:
        await root.begin(script.child("a"))
    assert isinstance(caught.value.__cause__, OSError)


async def test_begin_fails_when_a_sibling_makes_the_supervisor_give_up() -> None:
    script, slow = Script(), Script(start_s=60.0)
    root = await Supervisor("root", [script.child("a")], Policy(intensity=0)).start()
    beginning = asyncio.create_task(root.begin(slow.child("b", start_timeout_s=90.0)))
    await asyncio.sleep(1)
    script.lives["a"].end(OSError())
    with pytest.raises(EscalatedError):
        await beginning
    assert now() == 1.0


async def test_begin_fails_when_the_child_is_removed_meanwhile() -> None:
    script = Script(start_s=60.0)
    root = await Supervisor("root").start()
    beginning = asyncio.create_task(root.begin(script.child("a")))
    await asyncio.sleep(1)
    root.remove("a")
    with pytest.raises(SupervisionError, match="'a' ended before it was up"):
        await beginning


async def test_begin_fails_when_a_temporary_child_does_not_start() -> None:
    script = Script(bad_starts=1)
    root = await Supervisor("root").start()
    with pytest.raises(SupervisionError, match="'a' ended before it was up"):
        await root.begin(script.child("a", "temporary"))


async def test_begin_fails_when_a_transient_child_has_ended_already() -> None:
    """Up and down in one pass of the loop: nobody saw it, and nothing will start it again."""
    root = await Supervisor("root").start()
    with pytest.raises(SupervisionError, match="'a' ended before it was up"):
        await root.begin(child_that_is_over_at_once("a"))


async def test_begin_fails_when_the_supervisor_is_stopped_meanwhile() -> None:
    script = Script(start_s=60.0)
    root = await Supervisor("root").start()
    beginning = asyncio.create_task(root.begin(script.child("a")))
    await asyncio.sleep(1)
    await root.stop()
    with pytest.raises(SupervisionError, match="'a' ended before it was up"):
        await beginning


async def test_nothing_begins_under_a_supervisor_that_is_over() -> None:
    root = await Supervisor("root").start()
    await root.stop()
    with pytest.raises(SupervisionError, match="is stopping"):
        await root.begin(task_child("a", asyncio.Event().wait))


async def test_no_two_children_begin_under_one_name() -> None:
    script = Script()
    root = await Supervisor("root", [script.child("a")]).start()
    with pytest.raises(DuplicateChildError):
        await root.begin(script.child("a"))


class Over:
    """An incarnation whose end has come before anybody asks."""

    async def ended(self) -> None:
        """Return at once."""

    async def stop(self) -> None:
        """Nothing is left to ask."""

    def kill(self) -> None:
        """Nothing is left to kill."""


def child_that_is_over_at_once(name: str) -> Child:
    async def start() -> Over:
        return Over()

    return Child(name=name, start=start, restart="transient")
