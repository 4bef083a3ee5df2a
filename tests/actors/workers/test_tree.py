"""What keeps the stage's side of the workers going is supervised, with a host and without."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from actors.workers.groups import Group, GroupSize
from actors.workers.host import NoHost
from actors.workers.hub import Hub
from actors.workers.llm import CAPACITY
from actors.workers.scaling import Autoscaler
from actors.workers.service import LlmService
from config.settings import Settings
from supervision.tree import Node
from tests.actors.workers.rig import until, worker

pytestmark = pytest.mark.service


class Lapse:
    """Fails at its first call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *_: object) -> None:
        self.calls += 1
        if self.calls == 1:
            raise RuntimeError("once")


class Wishes(NoHost):
    """Starts nothing, and remembers what was wanted."""

    def __init__(self) -> None:
        self.wanted: list[int] = []

    async def ensure(self, kind: str, count: int) -> None:  # noqa: ARG002 - one kind is enough
        self.wanted.append(count)


@pytest.fixture
async def service() -> AsyncIterator[LlmService]:
    """A service without a host whose group may grow."""
    service = LlmService(Settings(worker_host="none", llm_workers="2-8"))
    await service.start()
    yield service
    await service.stop()


def parts(service: LlmService) -> dict[str, Node]:
    return {node.name: node for node in service.snapshot().children}


async def test_without_a_host_the_tree_has_what_goes_on_here(service: LlmService) -> None:
    assert {name: node.state for name, node in parts(service).items()} == {
        "scaling": "up",
        "heartbeat": "up",
    }


async def test_a_heartbeat_that_fails_begins_anew(
    service: LlmService, monkeypatch: pytest.MonkeyPatch
) -> None:
    lapse = Lapse()
    monkeypatch.setattr("actors.workers.link.WorkerLink.beat", lapse)

    async with worker(service.hub):
        await until(lambda: lapse.calls > 1)

    assert parts(service)["heartbeat"].restarts == 1


async def test_scaling_that_fails_begins_anew(service: LlmService, monkeypatch: pytest.MonkeyPatch) -> None:
    lapse = Lapse()
    monkeypatch.setattr("actors.workers.groups.Group.follow", lambda *_: lapse() or 2)

    await until(lambda: lapse.calls > 1)

    assert parts(service)["scaling"].restarts == 1


async def test_load_is_met_also_while_no_worker_is_there() -> None:
    host, group = Wishes(), Group(GroupSize(1, 8), lambda: 0.0)
    scaling = asyncio.create_task(
        Autoscaler(Hub(), host, "llm", group, lambda: 3 * CAPACITY["llm"]).run(), name="scaling"
    )

    await until(lambda: bool(host.wanted))
    scaling.cancel()

    assert host.wanted == [5]
