"""Connections that look alive, and refusals that no patience mends."""

import pytest

from bot.gateway import DiscordRefusedError
from sandbox.limits import NO_LIMITS
from tests.faults.house import House

pytestmark = pytest.mark.discord


@pytest.mark.parametrize("kind", ["half_open", "no_ack"])
async def test_a_connection_without_a_pulse_is_left_and_what_it_kept_back_is_answered(
    own_house: House, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.heartbeat.ACK_S", 0.3)
    own_house.sandbox.limiter.limits = NO_LIMITS
    own_house.sandbox.gateway.heartbeat_s = 0.3
    await own_house.start()
    scene = own_house.scene()
    scene.speak()
    await scene.visible()
    before = set(own_house.sandbox.hub.connections)

    own_house.fault(kind, event="")
    scene.speak()

    await scene.settled()
    assert not before & own_house.sandbox.hub.connections


@pytest.mark.parametrize(("code", "words"), [(4004, "token"), (4014, "Message Content intent")])
async def test_a_refusal_for_good_ends_the_program_and_loses_nothing(
    own_house: House, code: int, words: str
) -> None:
    own_house.sandbox.limiter.limits = NO_LIMITS
    app = await own_house.start()
    scene = own_house.scene()
    scene.speak()
    await scene.visible()
    own_house.fault("close", event="", code=code)

    with pytest.raises(DiscordRefusedError, match=words):
        await app.wait_failed()
    scene.speak()
    await own_house.stop()

    await own_house.start()
    await scene.settled()
