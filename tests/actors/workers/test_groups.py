import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.workers.groups import FULL, SHRINK_S, Group, GroupSize, read_resources, read_size
from config.settings import SettingsError, load_settings

pytestmark = pytest.mark.unit

CAPACITY = 100


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def group_of(least: int, most: int) -> tuple[Group, Clock]:
    clock = Clock()
    return Group(GroupSize(least, most), clock), clock


@pytest.mark.parametrize(
    ("text", "size"), [("2", GroupSize(2, 2)), ("2-8", GroupSize(2, 8)), ("8-2", GroupSize(2, 8))]
)
def test_a_size_is_a_number_or_two_bounds(text: str, size: GroupSize) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize(
    ("text", "resources"),
    [(None, {}), ("CPU=1", {"CPU": 1.0}), ("CPU=2,models=0.5", {"CPU": 2, "models": 0.5})],
)
def test_resources_are_amounts_by_name(text: str | None, resources: dict[str, float]) -> None:
    assert read_resources(text) == resources


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TROUPE_LLM_WORKERS", "0"),
        ("TROUPE_LLM_WORKERS", "2-"),
        ("TROUPE_LLM_WORKERS", "many"),
        ("TROUPE_LLM_RESOURCES", "CPU"),
        ("TROUPE_EMBEDDED_RESOURCES", "CPU=1;GPU=1"),
    ],
)
def test_other_words_are_refused_by_the_name_of_their_setting(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings({name: value})


def test_a_group_begins_with_its_fewest() -> None:
    group, _ = group_of(2, 8)

    assert (group.count, group.follow(0, CAPACITY)) == (2, 2)


def test_load_is_met_at_once_with_a_standby_on_top() -> None:
    group, _ = group_of(1, 8)

    assert group.follow(int(3 * CAPACITY * FULL), CAPACITY) == 3 + 1


def test_a_fixed_group_is_never_resized() -> None:
    group, _ = group_of(3, 3)

    assert (group.size.is_fixed, group.follow(10**6, CAPACITY)) == (True, 3)


def test_a_group_shrinks_by_one_each_time_that_it_was_too_large_for_long() -> None:
    group, clock = group_of(2, 8)
    group.follow(10**6, CAPACITY)
    counts = []

    for _ in range(4):
        clock.now += SHRINK_S / 2
        counts.append(group.follow(0, CAPACITY))

    assert counts == [8, 7, 7, 6]


def test_a_moment_of_need_starts_the_wait_anew() -> None:
    group, clock = group_of(2, 3)
    busy = int(2 * CAPACITY * FULL)
    group.follow(busy, CAPACITY)

    clock.now += SHRINK_S - 1
    group.follow(busy, CAPACITY)
    clock.now += SHRINK_S - 1

    assert group.follow(0, CAPACITY) == 3


@given(
    st.integers(1, 5),
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(0, 2000), st.floats(0, 3 * SHRINK_S)), max_size=50),
)
def test_whatever_the_load_does_a_group_keeps_its_bounds_and_shrinks_slowly(
    least: int, more: int, loads: list[tuple[int, float]]
) -> None:
    group, clock = group_of(least, least + more)
    shrunk_at = clock.now
    for streams, pause in loads:
        clock.now += pause
        before, count = group.count, group.follow(streams, CAPACITY)

        assert least <= count <= least + more
        assert count >= min(streams / CAPACITY, least + more)
        if count < before:
            assert before - count == 1
            assert clock.now - shrunk_at >= SHRINK_S
            shrunk_at = clock.now
