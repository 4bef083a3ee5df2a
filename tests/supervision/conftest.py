"""Coroutine tests here run in virtual time."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.virtual_time import Virtually, VirtualTimeLoop, run_virtually


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give every coroutine test a loop in virtual time."""
    return {"virtual": VirtualTimeLoop}


@pytest.fixture
def virtually() -> Virtually:
    """Run a coroutine in virtual time: `virtually(story())`."""
    return run_virtually
