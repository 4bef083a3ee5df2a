import asyncio
import gc

import psutil
import pytest

from tests.actors.runtime.races import race
from tests.virtual_time import run_virtually

pytestmark = pytest.mark.chaos


def test_a_hundred_thousand_sends_in_virtual_time_lose_and_reorder_nothing() -> None:
    assert run_virtually(race(seed=1, rounds=100_000)) == list(range(100_001))


def test_ten_thousand_sends_in_real_time_lose_and_reorder_nothing() -> None:
    assert asyncio.run(race(seed=2, rounds=10_000)) == list(range(10_001))


def test_churn_leaves_memory_flat() -> None:
    """Some thirty thousand lives, each with its mailbox, tasks and buffers."""
    run_virtually(race(seed=3, rounds=20_000))
    gc.collect()
    before = psutil.Process().memory_info().rss
    for seed in range(4):
        run_virtually(race(seed=seed, rounds=20_000))
    gc.collect()
    assert psutil.Process().memory_info().rss <= before * 1.05
