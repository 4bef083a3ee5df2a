import gc

import psutil
import pytest

from tests.actors.runtime.races import lost_or_reordered, race
from tests.virtual_time import run_virtually

pytestmark = pytest.mark.chaos


def test_a_hundred_thousand_races_in_virtual_time_lose_and_reorder_nothing() -> None:
    outcome = run_virtually(race(seed=1, races=100_000))
    assert not lost_or_reordered(outcome)
    assert outcome.lives >= 100_000


def test_churn_leaves_memory_flat() -> None:
    """Some forty thousand lives, each with its mailbox, tasks and buffers, after as many to warm up."""
    for seed in range(4):
        run_virtually(race(seed=seed, races=10_000))
    gc.collect()
    before = psutil.Process().memory_info().rss
    for seed in range(4):
        run_virtually(race(seed=seed, races=10_000))
    gc.collect()
    assert psutil.Process().memory_info().rss <= before * 1.05
