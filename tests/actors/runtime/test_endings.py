"""However an actor ends, everybody who waits for it hears of it."""

import asyncio
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import AsyncioActor

pytestmark = pytest.mark.unit


class Slow(AsyncioActor):
    """Needs ages to end, because of its last hook or of a child."""

    @override
    def on_receive(self, message: Any) -> None:
        self.spawn(self._linger())

    async def _linger(self) -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            await asyncio.sleep(1_000)

    @override
    async def on_stop(self) -> None:  # type: ignore[override] # a hook may be a coroutine
        await asyncio.sleep(1_000)


@pytest.mark.parametrize("has_child", [True, False])
async def test_who_asked_an_actor_to_stop_hears_that_it_was_killed_meanwhile(has_child: bool) -> None:
    ref = Slow.start()
    if has_child:
        ref.tell("start a child")
    await asyncio.sleep(1)
    stopping = ref.stop(block=False)
    await asyncio.sleep(1)
    ref.kill()
    async with asyncio.timeout(10):
        assert await stopping is True
