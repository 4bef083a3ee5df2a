import asyncio
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import AsyncioActor
from actors.runtime.dispatcher import ACTOR_BUDGET, PASS_BUDGET, PASS_SECONDS

pytestmark = pytest.mark.unit


class Tracer(AsyncioActor):
    """Writes its name into a common trace."""

    def __init__(self, name: str, trace: list[str]) -> None:
        super().__init__()
        self._name = name
        self._trace = trace

    @override
    def on_receive(self, message: Any) -> None:
        self._trace.append(self._name)


async def test_a_flooded_actor_gives_way_after_its_budget() -> None:
    trace: list[str] = []
    flooded, other = Tracer.start("flooded", trace), Tracer.start("other", trace)
    for number in range(10 * ACTOR_BUDGET):
        flooded.tell(number)
    other.tell(0)
    await flooded.request("end", 1.0)
    assert trace.index("other") == ACTOR_BUDGET


async def test_timers_and_sockets_have_their_turn_after_a_pass() -> None:
    trace: list[str] = []
    ref = Tracer.start("actor", trace)
    for number in range(4 * PASS_BUDGET):
        ref.tell(number)
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(trace.append, "loop")
    await ref.request("end", 1.0)
    assert trace.index("loop") <= 2 * PASS_BUDGET


async def test_an_actor_that_feeds_itself_starves_nobody() -> None:
    class Selfish(AsyncioActor):
        @override
        def on_receive(self, message: Any) -> None:
            self.actor_ref.tell(message)

    Selfish.start().tell("again")
    trace: list[str] = []
    async with asyncio.timeout(1):
        await Tracer.start("other", trace).request("hello", 0.5)
    assert trace == ["other"]


async def test_slow_handlers_end_a_pass_early(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("actors.runtime.dispatcher.time.monotonic", lambda: clock[0])
    trace: list[str] = []

    class Slow(Tracer):
        @override
        def on_receive(self, message: Any) -> None:
            super().on_receive(message)
            clock[0] += PASS_SECONDS + 0.001

    refs = [Slow.start(f"slow {number}", trace) for number in range(5)]
    for ref in refs:
        ref.tell("work")
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(trace.append, "loop")
    await asyncio.sleep(1)
    assert trace.index("loop") <= 2
