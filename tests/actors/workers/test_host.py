"""Workers as processes: whatever dies is replaced, and nothing is left at the end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from actors.models.chat import Delta
from actors.workers.control import Kill, List, Listing, Report
from actors.workers.driver import ROOT, Driver, DriverKind, process_driver, ray_driver
from actors.workers.errors import HostError, WorkerLostError
from actors.workers.fallback import InProcessChat
from actors.workers.host import DriverHost
from actors.workers.hub import Hub
from actors.workers.orders import Door, Orders
from actors.workers.service import LlmService
from config.settings import Settings
from tests.actors.workers.rig import request_to, running, text_of, until
from tests.scripted_model import Reply, ScriptedModel, words

pytestmark = pytest.mark.service

SLOW = Reply(text=words(2000), rate=100)


def pids(service: LlmService, kind: str = "llm") -> dict[str, int]:
    """Return the process ids of the connected workers of a kind."""
    return {state.id: state.pid for state in service.status().workers if state.kind == kind}


def driver_pid(service: LlmService) -> int:
    assert isinstance(service.host, DriverHost)
    assert service.host.driver_pid is not None
    return service.host.driver_pid


@pytest.fixture
async def service() -> AsyncIterator[LlmService]:
    service = LlmService(Settings(worker_host="processes"))
    await service.start()
    await until(lambda: len(pids(service)) == 2)
    yield service
    await service.stop()


async def test_requests_are_answered_before_any_worker_is_there() -> None:
    service = LlmService(Settings(worker_host="processes"))
    async with ScriptedModel(Reply(text="Hello.")) as server:
        await service.start()
        try:
            assert service.status().degraded
            assert await text_of(service.stream(request_to(server))) == "Hello."
        finally:
            await service.stop()


async def test_without_a_host_everything_runs_here() -> None:
    service = LlmService(Settings(worker_host="none"))
    async with ScriptedModel(Reply(text="Hello.")) as server:
        await service.start()
        try:
            said = await text_of(service.stream(request_to(server)))
            assert (said, service.status().degraded) == ("Hello.", False)
        finally:
            await service.stop()


async def test_workers_answer_from_their_own_processes(service: LlmService) -> None:
    async with ScriptedModel(Reply(text=words(200))) as server:
        said = await text_of(service.stream(request_to(server)))

    assert said == "".join(words(200))
    assert os.getpid() not in pids(service).values()


async def test_a_killed_worker_is_noticed_at_once_and_replaced(service: LlmService) -> None:
    victim, pid = next(iter(pids(service).items()))

    os.kill(pid, signal.SIGKILL)

    assert await until(lambda: victim not in pids(service)) < 0.5
    await until(lambda: len(pids(service)) == 2)


async def test_a_killed_worker_s_streams_end_as_lost(service: LlmService) -> None:
    async with ScriptedModel(SLOW) as server:
        events = service.stream(request_to(server))
        await anext(events)
        (busy,) = [state.pid for state in service.status().workers if state.streams]

        os.kill(busy, signal.SIGKILL)

        with pytest.raises(WorkerLostError):
            await text_of(events)


async def test_a_hanging_worker_is_killed_and_replaced(service: LlmService) -> None:
    victim, pid = next(iter(pids(service).items()))
    process = psutil.Process(pid)

    process.suspend()

    assert await until(lambda: victim not in pids(service)) < 2.0
    await until(lambda: len(pids(service)) == 2)
    await until(lambda: running([process]) == [])


async def test_a_killed_driver_takes_nothing_along_and_comes_back(service: LlmService) -> None:
    old = [psutil.Process(pid) for pid in pids(service).values()]
    async with ScriptedModel(Reply(text="Still here.")) as server:
        os.kill(driver_pid(service), signal.SIGKILL)
        await until(lambda: not pids(service))
        said = await text_of(service.stream(request_to(server)))

    await until(lambda: len(pids(service)) == 2)
    assert (said, running(old), service.status().host_restarts) == ("Still here.", [], 1)


async def test_nothing_is_left_after_stop() -> None:
    service = LlmService(Settings(worker_host="processes"))
    await service.start()
    await until(lambda: len(pids(service)) == 2)
    assert isinstance(service.host, DriverHost)
    assert service.host._driver is not None
    folder = service.host._driver._folder
    driver = psutil.Process(driver_pid(service))
    processes = [driver, *driver.children(recursive=True)]

    await service.stop()
    await service.stop()

    assert (running(processes), folder.exists(), len(processes)) == ([], False, 3)


async def test_an_idle_worker_too_many_is_let_go_and_comes_back_when_wanted(service: LlmService) -> None:
    await service.host.ensure("llm", 1)
    await until(lambda: len(pids(service)) == 1)

    await service.host.ensure("llm", 3)

    await until(lambda: len(pids(service)) == 3)


async def test_a_worker_too_many_finishes_its_streams_first(service: LlmService) -> None:
    async with ScriptedModel(Reply(text=words(60), rate=100)) as server:
        streams = [service.stream(request_to(server)) for _ in range(2)]
        begun = [await anext(events) for events in streams]

        await service.host.ensure("llm", 0)
        said = [
            first.text + await text_of(events)
            for first, events in zip(begun, streams, strict=True)
            if isinstance(first, Delta)
        ]

    await until(lambda: not pids(service))
    assert said == ["".join(words(60))] * 2


async def test_the_tree_shows_host_driver_and_workers(service: LlmService) -> None:
    host, heartbeat = service.snapshot().children

    driver, staff = host.children
    assert (host.name, heartbeat.name, driver.name) == ("host", "heartbeat", "driver")
    assert [child.name for child in staff.children] == ["llm-1", "llm-2"]
    assert {child.state for child in [host, heartbeat, driver, *staff.children]} == {"up"}


STAGE = """
import asyncio, sys
from actors.workers.service import LlmService
from config.settings import Settings

async def main():
    service = LlmService(Settings(worker_host="processes"))
    await service.start()
    while len(service.status().workers) < 2:
        await asyncio.sleep(0.01)
    print("up", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_killed_stage_leaves_no_process(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    stage = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STAGE), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert stage.stdout is not None
    while await stage.stdout.readline() != b"up\n":
        pass
    processes = psutil.Process(stage.pid).children(recursive=True)

    stage.kill()
    await stage.wait()

    await until(lambda: running(processes) == [])
    assert len(processes) == 3


async def test_a_driver_lists_and_kills_by_name() -> None:
    reports: list[Report] = []
    gone: list[str] = []
    driver = await Driver.start(process_driver(), reports.append, lambda: gone.append("gone"))
    end = asyncio.ensure_future(driver.ended())

    driver.tell(List())
    driver.tell(Kill("unknown"))
    driver.tell(List())
    await until(lambda: len(reports) == 2)
    await driver.stop()
    await end

    assert (reports, gone) == ([Listing(()), Listing(())], ["gone"])


async def test_a_driver_that_cannot_start_is_tried_again() -> None:
    service = LlmService(Settings(worker_host="processes"))
    assert isinstance(service.host, DriverHost)
    service.host._kind = DriverKind("actors.workers.no_such_driver")
    await service.start()
    try:
        await until(lambda: service.status().host_restarts >= 2)
    finally:
        await service.stop()


async def test_a_missing_interpreter_is_a_host_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    with pytest.raises(HostError):
        await Driver.start(process_driver(), print, print)


async def test_a_worker_that_never_says_hello_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.workers.host.BIRTH_S", 0.1)
    hub = Hub()
    await hub.start()
    await hub.stop()
    asked: list[str] = []

    def orders(worker_id: str, kind: str) -> Orders:
        asked.append(worker_id)
        return Orders(id=worker_id, kind=kind, door=Door("unix:/nowhere", ""))

    host = DriverHost(hub, DriverKind("tests.actors.workers.idle_driver"), orders)
    await host.ensure("llm", 1)
    await host.start()
    try:
        await until(lambda: len(asked) >= 3)
    finally:
        await host.stop()

    assert asked[:3] == ["llm-1", "llm-2", "llm-3"]


def test_ray_s_environment_is_always_explicit() -> None:
    local, cluster = ray_driver(None), ray_driver("10.0.0.1:6379")

    assert local.environment["RAY_AUTH_MODE"] == "token"
    assert "RAY_AUTH_MODE" in cluster.environment
    assert "RAY_health_check_period_ms" in local.environment
    assert (local.arguments, cluster.arguments) == (
        ("--address", "local"),
        ("--address", "10.0.0.1:6379"),
    )


async def test_the_embedded_model_is_served_here_until_its_worker_has_come() -> None:
    service = LlmService(Settings(worker_host="processes"), embedded=True)
    await service.start()
    try:
        early = await text_of(service.stream(request_to(None)))
        await until(lambda: bool(pids(service, "embedded")))
        await until(lambda: not service.status().embedded_here)
        late = await text_of(service.stream(request_to(None)))

        await service.use_embedded(active=False)
        await until(lambda: not pids(service, "embedded"))
    finally:
        await service.stop()

    assert early
    assert late


async def test_a_model_that_is_still_starting_here_is_handed_over_too() -> None:
    chat = InProcessChat()
    try:
        early = asyncio.create_task(text_of(chat.stream(request_to(None))))
        await asyncio.sleep(0)
        chat.hand_over()
        said = await early

        await until(lambda: not chat.has_model)
    finally:
        await chat.stop()

    assert said
