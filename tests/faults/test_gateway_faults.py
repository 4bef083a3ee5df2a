"""Every way in which Discord's gateway misbehaves: what people write meanwhile is answered, once."""

from collections.abc import Iterator

import pytest

from sandbox.limits import NO_LIMITS
from tests.faults.house import House

pytestmark = [pytest.mark.discord, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(autouse=True)
def no_fault_left(house: House) -> Iterator[None]:
    house.sandbox.limiter.limits = NO_LIMITS
    yield
    house.sandbox.faults.clear()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("reconnect", 0),
        ("invalid_session", 0),
        ("invalid_session_resumable", 0),
        ("close", 4000),
        ("close", 4008),
        ("close", 4009),
        ("tcp_reset", 0),
    ],
)
async def test_a_connection_that_ends_in_mid_stream_loses_and_doubles_nothing(
    house: House, kind: str, code: int
) -> None:
    scene = house.scene()
    scene.speak()
    await scene.visible()

    house.fault(kind, event="", code=code)
    scene.speak()

    await scene.settled()


@pytest.mark.parametrize("kind", ["duplicate", "reorder", "replay", "unknown_event", "unknown_field"])
async def test_events_that_come_wrong_lose_and_double_nothing(house: House, kind: str) -> None:
    scene = house.scene()
    house.fault(kind, event="*", times=None, probability=0.5)

    scene.speak()
    await scene.visible()
    scene.speak()
    house.sandbox.faults.clear()
    house.person(0).send(scene.channels[0], "so it is")

    await scene.settled()
