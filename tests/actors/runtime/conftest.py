"""Coroutine tests here run in virtual time."""

import asyncio
from collections.abc import Callable, Iterator, Mapping

import pytest
from pykka import ActorRegistry

from tests.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give every coroutine test a loop in virtual time."""
    return {"virtual": VirtualTimeLoop}


@pytest.fixture(autouse=True)
def no_actors_left() -> Iterator[None]:
    """Let no actor of one test be seen by the next."""
    yield
    for ref in ActorRegistry.get_all():
        ActorRegistry.unregister(ref)
