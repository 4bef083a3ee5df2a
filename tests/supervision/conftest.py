"""Coroutine tests here run in virtual time, with a guard against calls that would block a loop."""

import asyncio
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.blocking import guard_against_blocking
from tests.virtual_time import Virtually, VirtualTimeLoop, run_virtually


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give every coroutine test a loop in virtual time."""
    return {"virtual": VirtualTimeLoop}


@pytest.fixture
def virtually() -> Virtually:
    """Run a coroutine in virtual time: `virtually(story())`."""
    return run_virtually


@pytest.fixture(autouse=True)
def blocking_guard() -> Iterator[None]:
    """Fail a test whose loop would block in a call of ours."""
    guard = guard_against_blocking("supervision")
    yield
    guard.deactivate()
