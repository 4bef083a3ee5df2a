"""The runtimes that Pykka's own test suite is run with; imported by its conftest in a process of its own."""

import asyncio
import threading
import time
from typing import Any

import pytest
from pykka import Future

from actors.runtime import AsyncioActor, AsyncioFuture, ThreadActor

LOOP = asyncio.new_event_loop()


class HomedActor(AsyncioActor):
    """Lives on a loop in a thread of its own, because the suite has none and blocks."""

    @classmethod
    def _home_loop(cls) -> asyncio.AbstractEventLoop:
        return LOOP


def runtimes(runtime: type[Any]) -> dict[str, Any]:
    """Return both runtimes in the form of Pykka's fixture."""
    threading.Thread(target=LOOP.run_forever, daemon=True).start()
    kinds: dict[str, type[Any]] = {"asyncio": HomedActor, "bridged": ThreadActor}
    return {name: pytest.param(_runtime(runtime, name, kind), id=name) for name, kind in kinds.items()}


def _runtime(runtime: type[Any], name: str, actor: type[Any]) -> object:
    future: type[Future[Any]] = AsyncioFuture
    return runtime(
        name=name,
        actor_class=actor,
        event_class=threading.Event,
        future_class=future,
        sleep_func=time.sleep,
    )
