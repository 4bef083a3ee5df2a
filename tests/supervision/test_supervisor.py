import asyncio
from typing import Any

import pytest

from config import metrics
from supervision import (
    Backoff,
    Child,
    Down,
    EscalatedError,
    Policy,
    StartTimeoutError,
    SupervisionError,
    Supervisor,
    supervisor_child,
    task_child,
)
from supervision.life import KILL_GRACE_S
from supervision.tree import render
from tests.supervision.children import Script

pytestmark = pytest.mark.unit


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_start_returns_when_every_child_is_up() -> None:
    script = Script(start_s=1.0)
    await Supervisor("root", [script.child("a"), script.child("b")]).start()
    assert script.story == ["start a", "start b"]
    assert now() == 2.0


async def test_stop_returns_when_every_child_is_down_in_reverse_order() -> None:
    script = Script(stop_s=1.0)
    root = await Supervisor("root", [script.child("a"), script.child("b")]).start()
    await root.stop()
    assert script.story[2:] == ["stop b", "stop a"]
    assert now() == 2.0
    assert await root.ended() is None


async def test_a_failed_child_is_started_again_at_once() -> None:
    script = Script()
    root = await Supervisor("root", [script.child("a")]).start()
    first = root.running("a")
    script.lives["a"].end(OSError())
    await asyncio.sleep(0.001)
    assert script.story == ["start a", "start a"]
    assert root.running("a") is not first


async def test_a_second_failure_waits_for_the_backoff() -> None:
    script = Script()
    policy = Policy(backoff=Backoff(first_s=8.0))
    await Supervisor("root", [script.child("a")], policy, draw=lambda: 0.5).start()
    for _ in range(2):
        script.lives["a"].end(OSError())
        await asyncio.sleep(0.001)
    assert len(script.story) == 2
    await asyncio.sleep(4.0)
    assert len(script.story) == 3


async def test_a_start_that_fails_is_tried_again() -> None:
    script = Script(bad_starts=2)
    await Supervisor("root", [script.child("a")]).start()
    assert script.story == ["start a"]


async def test_a_start_that_takes_too_long_is_a_failure() -> None:
    script = Script(start_s=60.0)
    downs: list[Down] = []
    root = Supervisor("root", [script.child("a", start_timeout_s=5.0)], Policy(intensity=0))
    root.monitor(downs.append)
    with pytest.raises(EscalatedError):
        await root.start()
    assert isinstance(downs[0].error, StartTimeoutError)
    assert now() == 5.0


async def test_a_timeout_inside_a_start_is_an_ordinary_failure() -> None:
    downs: list[Down] = []

    async def start() -> Any:
        raise TimeoutError("the other side")

    root = Supervisor("root", [Child(name="a", start=start)], Policy(intensity=0))
    root.monitor(downs.append)
    with pytest.raises(EscalatedError):
        await root.start()
    assert str(downs[0].error) == "the other side"


async def test_a_monitor_hears_every_end_and_its_reason() -> None:
    script = Script()
    downs: list[tuple[str, int, str]] = []
    root = await Supervisor("root", [script.child("a")]).start()
    stop_listening = root.monitor(lambda down: downs.append((down.name, down.incarnation, down.reason)))
    script.lives["a"].end(OSError())
    await asyncio.sleep(1)
    script.lives["a"].end()
    await asyncio.sleep(1)
    root.remove("a")
    await asyncio.sleep(1)
    assert downs == [("a", 1, "failed"), ("a", 2, "normal"), ("a", 3, "stopped")]
    stop_listening()
    root.add(script.child("b"))
    root.remove("b")
    await asyncio.sleep(1)
    assert len(downs) == 3


async def test_a_monitor_that_fails_neither_keeps_the_child_down_nor_the_others_deaf() -> None:
    def broken(_down: Down) -> None:
        raise RuntimeError

    script = Script()
    downs: list[Down] = []
    root = await Supervisor("root", [script.child("a")]).start()
    root.monitor(broken)
    root.monitor(downs.append)
    script.lives["a"].end(OSError())
    await asyncio.sleep(1)
    assert script.story == ["start a", "start a"]
    assert (root.snapshot().children[0].state, len(downs)) == ("up", 1)


async def test_a_child_that_ignores_its_stop_is_killed_after_its_budget() -> None:
    script = Script(obeys=False)
    root = await Supervisor("root", [script.child("a", stop_budget_s=3.0)]).start()
    await root.stop()
    assert script.story == ["start a", "stop a", "kill a"]
    assert now() == 3.0


async def test_a_child_that_can_not_even_be_killed_is_given_up() -> None:
    script = Script(obeys=False, dies_when_killed=False)
    root = await Supervisor("root", [script.child("a", stop_budget_s=3.0)]).start()
    await root.stop()
    assert now() == 3.0 + KILL_GRACE_S


async def test_a_child_that_can_not_be_asked_to_stop_is_killed_at_once() -> None:
    script = Script()
    root = await Supervisor("root", [script.child("a")]).start()

    async def broken() -> None:
        raise OSError

    script.lives["a"].stop = broken  # type: ignore[method-assign] # a child with a broken stop
    await root.stop()
    assert script.story == ["start a", "kill a"]


async def test_a_child_is_stopped_in_the_middle_of_its_start() -> None:
    script = Script(start_s=60.0)
    root = await Supervisor("root", [script.child("a", start_timeout_s=100.0)]).start(wait=False)
    await asyncio.sleep(1)
    await root.stop()
    assert now() == 1.0
    assert script.story == []


async def test_giving_up_fails_the_supervisor_above_which_makes_a_new_one() -> None:
    script = Script()

    def make() -> Supervisor:
        return Supervisor("inner", [script.child("leaf")], Policy(intensity=0))

    root = await Supervisor("root", [supervisor_child("inner", make)]).start()
    inner = root.running("inner")
    script.lives["leaf"].end(OSError())
    await asyncio.sleep(1)
    assert script.story == ["start leaf", "start leaf"]
    assert root.running("inner") is not inner


async def test_the_root_says_when_it_has_failed() -> None:
    script = Script()
    root = await Supervisor("root", [script.child("a"), script.child("b")], Policy(intensity=0)).start()
    script.lives["b"].end(OSError())
    error = await root.wait_failed()
    assert isinstance(error, EscalatedError)
    assert script.story[2:] == ["stop a"]


async def test_a_root_that_is_stopped_has_not_failed() -> None:
    root = await Supervisor("root").start()
    await root.stop()
    with pytest.raises(SupervisionError):
        await root.wait_failed()


async def test_a_supervisor_that_need_not_be_waited_for_is_up_at_once() -> None:
    script = Script(start_s=30.0)
    inner = supervisor_child(
        "inner", lambda: Supervisor("inner", [script.child("slow", start_timeout_s=60.0)]), wait=False
    )
    root = await Supervisor("root", [inner]).start()
    assert now() == 0.0
    await root.stop()


async def test_a_supervisor_whose_start_takes_too_long_leaves_no_child() -> None:
    script = Script()
    slow = Script(start_s=100.0)

    def make() -> Supervisor:
        return Supervisor("inner", [script.child("quick"), slow.child("slow", start_timeout_s=200.0)])

    root = Supervisor("root", [supervisor_child("inner", make, start_timeout_s=5.0)], Policy(intensity=0))
    with pytest.raises(EscalatedError):
        await root.start()
    await asyncio.sleep(1)
    assert script.story == ["start quick", "kill quick"]


async def test_kill_ends_everything_without_asking_twice() -> None:
    script = Script(stop_s=100.0)
    root = await Supervisor("root", [script.child("a"), script.child("b")]).start()
    root.kill()
    await root.ended()
    assert now() == 0.0


async def test_children_come_and_go() -> None:
    script = Script()
    root = await Supervisor("root").start()
    root.add(script.child("a", "temporary"))
    await asyncio.sleep(1)
    assert "a" in root
    script.lives["a"].end()
    await asyncio.sleep(1)
    assert "a" not in root
    assert root.running("a") is None


async def test_a_coroutine_can_be_a_child() -> None:
    runs: list[str] = []

    async def work() -> None:
        runs.append("run")
        try:
            await asyncio.sleep(10)
        finally:
            runs.append("cleanup")

    root = await Supervisor("root", [task_child("work", work)]).start()
    await asyncio.sleep(15)
    await root.stop()
    assert runs == ["run", "cleanup", "run", "cleanup"]


async def test_a_killed_coroutine_is_cancelled() -> None:
    root = await Supervisor("root", [task_child("work", lambda: asyncio.sleep(100))]).start()
    root.kill()
    await root.ended()
    assert now() == 0.0


async def test_something_cancelled_inside_a_child_is_a_failure_of_the_child() -> None:
    script = Script()
    downs: list[Down] = []
    root = await Supervisor("root", [script.child("a")]).start()
    root.monitor(downs.append)
    script.lives["a"]._end.cancel()
    await asyncio.sleep(1)
    assert [down.reason for down in downs] == ["failed"]
    assert script.story == ["start a", "start a"]


async def test_the_tree_shows_who_lives_and_how() -> None:
    script = Script()
    inner = supervisor_child("inner", lambda: Supervisor("inner", [script.child("leaf")]))
    root = await Supervisor("root", [script.child("a"), inner]).start()
    script.lives["a"].end(OSError())
    await asyncio.sleep(61)
    assert render(root.snapshot()) == (
        "● root\n"
        "├─ ● a        1 min 1 s · 1 restart · 3 unread · Speak\n"
        "└─ ● inner    1 min 1 s\n"
        "   └─ ● leaf  1 min 1 s · 3 unread · Speak"
    )


async def test_the_clock_can_be_given() -> None:
    script = Script()
    root = await Supervisor("root", [script.child("a")], clock=lambda: 100.0).start()
    assert root.snapshot().children[0].up_s == 0.0


async def test_restarts_are_counted_by_supervisor_whatever_the_child_is_called() -> None:
    script = Script()
    root = await Supervisor("counted", [script.child("llm-17")]).start()
    script.lives["llm-17"].end(OSError())
    await asyncio.sleep(1)
    restarts = metrics.REGISTRY.get_sample_value("troupe_actor_restarts_total", {"supervisor": "counted"})
    assert restarts == root.snapshot().children[0].restarts == 1
