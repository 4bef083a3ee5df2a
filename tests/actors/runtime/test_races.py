import asyncio

import pytest

from tests.actors.runtime.races import lost_or_reordered, race

pytestmark = pytest.mark.unit


def test_ten_thousand_races_in_real_time_lose_and_reorder_nothing() -> None:
    outcome = asyncio.run(race(seed=2, races=10_000))
    assert not lost_or_reordered(outcome)
    assert outcome.lives >= 10_000
