"""Every way in which Discord's REST misbehaves: nothing is lost, nothing comes twice, every text is whole."""

from collections.abc import Iterator

import pytest

from sandbox.limits import Limits, Rate
from tests.faults.house import House

pytestmark = [pytest.mark.discord, pytest.mark.asyncio(loop_scope="module")]

POST = {"method": "POST", "path": "/webhooks/*"}
EDIT = {"method": "PATCH", "path": "/webhooks/*/messages/*"}
CREATE = {"method": "POST", "path": "/channels/*/webhooks"}
TYPING = {"method": "POST", "path": "/channels/*/typing"}
LOOK = {"method": "GET", "path": "/channels/*/messages"}
LISTING = {"method": "GET", "path": "/channels/*/webhooks"}


@pytest.fixture(autouse=True)
def short_patience(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait less long for an answer, and leave no fault to the next test."""
    monkeypatch.setattr("bot.delivery.rest.REQUEST_S", 0.5)
    yield
    house.sandbox.faults.clear()
    house.sandbox.faults.struck.clear()


def struck(house: House, kind: str) -> int:
    return sum(one == kind for one, _ in house.sandbox.faults.struck)


@pytest.mark.parametrize("kind", ["rate_bucket", "rate_hidden", "rate_shared", "rate_global"])
async def test_a_429_only_delays(house: House, kind: str) -> None:
    scene = house.scene()
    house.fault(kind, **POST, times=2, seconds=0.2)
    house.fault(kind, **EDIT, times=2, seconds=0.2)

    scene.speak()

    await scene.settled()
    assert struck(house, kind) > 2


async def test_a_limit_that_no_header_announces_only_delays(house: House) -> None:
    scene = house.scene()
    house.sandbox.limiter.limits = Limits(hidden_webhook_channel=Rate(2, 1.0))

    scene.speak()

    await scene.settled()
    house.sandbox.limiter.limits = Limits()
    assert any(request.status == 429 for request in house.sandbox.ledger.requests)


async def test_a_ban_by_the_edge_silences_the_bot_for_a_while_and_loses_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.delivery.limits.EDGE_PAUSE_S", 0.5)
    scene = house.scene()
    house.fault("cloudflare", **POST)
    house.fault("cloudflare", **EDIT)

    scene.speak()

    await scene.settled()
    assert struck(house, "cloudflare") > 0


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_before_or_after_the_deed_doubles_nothing(house: House, status: int) -> None:
    scene = house.scene()
    for kind in ("status", "status_after"):
        house.fault(kind, **POST, times=2, status=status)
        house.fault(kind, **EDIT, times=2, status=status)

    scene.speak()

    await scene.settled()
    assert struck(house, "status") >= 2
    assert struck(house, "status_after") >= 2


@pytest.mark.parametrize("kind", ["reset", "reset_after", "hang", "hang_after", "slow", "slow_body"])
async def test_a_connection_that_breaks_or_hangs_doubles_nothing(house: House, kind: str) -> None:
    scene = house.scene()
    house.fault(kind, **POST, times=2, seconds=0.8)
    house.fault(kind, **EDIT, times=2, seconds=0.8)

    scene.speak()

    await scene.settled()
    assert struck(house, kind) > 2


@pytest.mark.parametrize("kind", ["status_after", "reset", "hang_after", "rate_bucket"])
async def test_trouble_around_the_words_reaches_no_word(house: House, kind: str) -> None:
    """Webhooks are listed and created, typing is shown, a post in doubt is looked for: all that fails too."""
    scene = house.scene()
    for where in (CREATE, TYPING, LISTING, LOOK):
        house.fault(kind, **where, status=502, seconds=0.6 if kind == "hang_after" else 0.2)
    house.fault("status_after", **POST, status=502)

    scene.speak()

    await scene.settled()


async def test_a_storm_of_everything_loses_and_doubles_nothing(house: House) -> None:
    scene = house.scene(3)
    house.sandbox.faults.seed(20261125)
    for kind in ("status", "status_after", "reset", "reset_after", "rate_hidden", "rate_bucket"):
        house.fault(kind, path="*", times=None, probability=0.06, seconds=0.1, status=502)

    scene.speak()

    await scene.settled()
    assert len({kind for kind, _ in house.sandbox.faults.struck}) > 4
