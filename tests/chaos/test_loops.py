"""A minute of the chaos, with every test run; `troupe chaos --seed N` repeats what a seed drew."""

import os
import secrets
import sys

import pytest

from chaos.loops import run_loops
from chaos.plan import CHANNELS, CHARACTERS, draw_loop

pytestmark = pytest.mark.service

SEED = int(os.environ.get("TROUPE_CHAOS_SEED") or secrets.randbelow(2**32))
SLICE_S = 60.0
TIMED = ("worker_recovery_s_max", "resumed_s_p50")
"""Figures are judged by `troupe chaos` alone, where nothing else runs."""


def test_a_loop_depends_on_its_seed_and_number_alone() -> None:
    assert draw_loop(SEED, 7) == draw_loop(SEED, 7)
    assert draw_loop(SEED, 7) != draw_loop(SEED, 8)


@pytest.mark.timeout(240)
async def test_kills_of_stage_worker_and_postgres_lose_and_double_nothing() -> None:
    sys.stdout.write(f"TROUPE_CHAOS_SEED={SEED}\n")
    report = await run_loops(SEED, range(50), "processes", ("stage", "worker", "postgres"), SLICE_S)
    assert [miss for miss in report.misses if not miss.startswith(TIMED)] == []
    assert report.figures["loops"] > 0
    assert (CHANNELS, len(CHARACTERS)) >= (8, 3)
