"""Coroutine tests here run in virtual time."""

import asyncio
from collections.abc import Callable, Mapping

from tests.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give every coroutine test a loop in virtual time."""
    return {"virtual": VirtualTimeLoop}
