from typing import Any

import pytest

from supervision.core import Core, Forget, Over, Start, Stop
from supervision.errors import DuplicateChildError, SupervisionError, UnknownChildError
from supervision.policy import Backoff, Policy, Restart, Strategy

pytestmark = pytest.mark.unit


def core_of(strategy: Strategy, *children: str, restart: Restart = "permanent", **policy: Any) -> Core:
    core = Core(Policy(strategy=strategy, **policy), draw=lambda: 0.5)
    for name in children:
        core.add(name, restart, 0.0)
    return core


def up(core: Core) -> Core:
    """Boot, and let every start succeed."""
    actions = core.boot(0.0)
    while actions:
        (start,) = actions
        assert isinstance(start, Start)
        actions = core.started(start.name, start.incarnation, 0.0)
    return core


def test_children_start_in_order_each_after_the_one_before() -> None:
    core = core_of("one_for_one", "a", "b")
    assert core.boot(0.0) == [Start("a", 1, 0.0)]
    assert core.started("a", 1, 0.0) == [Start("b", 1, 0.0)]
    assert core.started("b", 1, 0.0) == []
    assert core.boot(0.0) == []


def test_children_stop_in_reverse_order_each_after_the_one_before() -> None:
    core = up(core_of("one_for_one", "a", "b"))
    assert core.shutdown(1.0) == [Stop("b", 1)]
    assert core.shutdown(1.0) == []
    assert core.ended("b", 1, 1.0, failed=False) == [Stop("a", 1)]
    assert core.ended("a", 1, 1.0, failed=False) == [Over()]


def test_one_for_one_restarts_only_the_failed_child() -> None:
    core = up(core_of("one_for_one", "a", "b", "c"))
    assert core.ended("b", 1, 1.0, failed=True) == [Start("b", 2, 0.0)]


def test_one_for_one_goes_on_when_a_start_fails() -> None:
    core = core_of("one_for_one", "a", "b")
    core.boot(0.0)
    assert core.ended("a", 1, 0.0, failed=True) == [Start("a", 2, 0.0), Start("b", 1, 0.0)]


def test_one_for_all_stops_all_in_reverse_and_starts_all_in_order() -> None:
    core = up(core_of("one_for_all", "a", "b", "c"))
    assert core.ended("b", 1, 1.0, failed=True) == [Stop("c", 1)]
    assert core.ended("c", 1, 1.0, failed=False) == [Stop("a", 1)]
    assert core.ended("a", 1, 1.0, failed=False) == [Start("a", 2, 0.0)]
    assert core.started("a", 2, 1.0) == [Start("b", 2, 0.0)]


def test_rest_for_one_restarts_those_that_were_started_after_it() -> None:
    core = up(core_of("rest_for_one", "a", "b", "c"))
    assert core.ended("b", 1, 1.0, failed=True) == [Stop("c", 1)]
    assert core.ended("c", 1, 1.0, failed=False) == [Start("b", 2, 0.0)]
    assert core.started("b", 2, 1.0) == [Start("c", 2, 0.0)]


def test_rest_for_one_waits_for_a_start_that_failed() -> None:
    core = core_of("rest_for_one", "a", "b")
    core.boot(0.0)
    assert core.ended("a", 1, 0.0, failed=True) == [Start("a", 2, 0.0)]


def test_an_earlier_failure_widens_the_group_that_restarts() -> None:
    core = up(core_of("rest_for_one", "a", "b", "c"))
    core.ended("b", 1, 1.0, failed=True)
    assert core.ended("a", 1, 1.0, failed=True) == []
    assert core.ended("c", 1, 1.0, failed=False) == [Start("a", 2, 0.0)]
    assert core.started("a", 2, 1.0) == [Start("b", 2, 0.0)]


def test_a_temporary_child_is_forgotten() -> None:
    core = up(core_of("one_for_one", "a", restart="temporary"))
    assert core.ended("a", 1, 1.0, failed=True) == [Forget("a")]


def test_a_temporary_child_of_a_group_is_stopped_and_forgotten() -> None:
    core = core_of("one_for_all", "a")
    core.add("b", "temporary", 0.0)
    up(core)
    assert core.ended("a", 1, 1.0, failed=True) == [Stop("b", 1)]
    assert core.ended("b", 1, 1.0, failed=False) == [Forget("b"), Start("a", 2, 0.0)]


def test_a_transient_child_is_restarted_only_after_a_failure() -> None:
    core = up(core_of("one_for_one", "a", restart="transient"))
    assert core.ended("a", 1, 1.0, failed=True) == [Start("a", 2, 0.0)]
    core.started("a", 2, 1.0)
    assert core.ended("a", 2, 2.0, failed=False) == []


def test_a_permanent_child_is_restarted_after_any_end() -> None:
    core = up(core_of("one_for_one", "a"))
    assert core.ended("a", 1, 1.0, failed=False) == [Start("a", 2, 0.0)]


def test_too_many_restarts_in_the_period_end_everything() -> None:
    core = up(core_of("one_for_one", "a", "b", intensity=1, period_s=10.0))
    core.ended("b", 1, 1.0, failed=True)
    core.started("b", 2, 1.0)
    assert core.ended("b", 2, 2.0, failed=True) == [Stop("a", 1)]
    (over,) = core.ended("a", 1, 2.0, failed=False)
    assert isinstance(over, Over)
    assert "'b' failed" in str(over.error)


def test_restarts_out_of_the_period_are_forgotten() -> None:
    core = up(core_of("one_for_one", "a", intensity=1, period_s=10.0))
    core.ended("a", 1, 1.0, failed=True)
    core.started("a", 2, 1.0)
    assert core.ended("a", 2, 12.0, failed=True) == [Start("a", 3, 0.05)]


def test_the_delay_grows_with_failures_in_a_row_up_to_its_cap() -> None:
    backoff = Backoff(first_s=1.0, factor=2.0, cap_s=5.0)
    assert [backoff.delay(failures, 1.0) for failures in (1, 2, 3, 4, 5, 1_000)] == [0, 1, 2, 4, 5, 5]
    assert backoff.delay(4, 0.25) == 1.0


def test_a_healthy_life_resets_the_delay() -> None:
    core = up(core_of("one_for_one", "a", backoff=Backoff(healthy_s=60.0)))
    core.ended("a", 1, 1.0, failed=True)
    core.started("a", 2, 1.0)
    assert core.ended("a", 2, 2.0, failed=True) == [Start("a", 3, 0.05)]
    core.started("a", 3, 2.0)
    assert core.ended("a", 3, 62.0, failed=True) == [Start("a", 4, 0.0)]


def test_a_child_added_to_a_running_supervisor_starts_at_once() -> None:
    core = up(core_of("one_for_one"))
    assert core.add("a", "permanent", 1.0) == [Start("a", 1, 0.0)]
    assert core.add("b", "permanent", 1.0) == [Start("b", 1, 0.0)]


def test_a_child_added_to_a_group_waits_for_those_before_it() -> None:
    core = up(core_of("rest_for_one"))
    assert core.add("a", "permanent", 1.0) == [Start("a", 1, 0.0)]
    assert core.add("b", "permanent", 1.0) == []
    assert core.started("a", 1, 1.0) == [Start("b", 1, 0.0)]


def test_a_removed_child_is_stopped_and_not_restarted() -> None:
    core = up(core_of("one_for_all", "a", "b"))
    assert core.remove("b", 1.0) == [Stop("b", 1)]
    assert core.ended("b", 1, 1.0, failed=True) == [Forget("b")]


def test_a_removed_child_that_is_down_is_forgotten_at_once() -> None:
    core = up(core_of("one_for_one", "a", restart="transient"))
    core.ended("a", 1, 1.0, failed=False)
    assert core.remove("a", 1.0) == [Forget("a")]


def test_a_removed_child_in_a_restarting_group_holds_nobody_up() -> None:
    core = core_of("rest_for_one", "a", "b", "c")
    core.boot(0.0)
    assert core.remove("b", 0.0) == [Forget("b")]
    assert core.started("a", 1, 0.0) == [Start("c", 1, 0.0)]


def test_names_are_unique_and_known() -> None:
    core = core_of("one_for_one", "a")
    with pytest.raises(DuplicateChildError):
        core.add("a", "permanent", 0.0)
    with pytest.raises(UnknownChildError):
        core.remove("b", 0.0)


def test_a_stopping_supervisor_takes_no_child() -> None:
    core = up(core_of("one_for_one", "a"))
    core.shutdown(0.0)
    with pytest.raises(SupervisionError):
        core.add("b", "permanent", 0.0)


def test_a_supervisor_without_children_is_over_as_soon_as_it_is_told() -> None:
    assert core_of("one_for_one").shutdown(0.0) == [Over()]


def test_news_of_former_incarnations_is_ignored() -> None:
    core = up(core_of("one_for_one", "a"))
    core.ended("a", 1, 1.0, failed=True)
    assert core.ended("a", 1, 1.0, failed=True) == []
    assert core.started("a", 1, 1.0) == []
    assert core.ended("nobody", 1, 1.0, failed=True) == []


def test_removing_a_child_of_a_supervisor_that_is_over_ends_nothing_twice() -> None:
    core = up(core_of("one_for_one", "a"))
    core.shutdown(1.0)
    core.ended("a", 1, 1.0, failed=False)
    assert core.remove("a", 1.0) == [Forget("a")]


def test_an_end_while_the_group_is_being_stopped_is_no_further_failure() -> None:
    core = up(core_of("one_for_all", "a", "b", "c"))
    core.ended("b", 1, 1.0, failed=True)
    assert core.ended("a", 1, 1.0, failed=True) == []
    assert core.ended("c", 1, 1.0, failed=False) == [Start("a", 2, 0.0)]
    assert core.children["a"].restarts == 0
