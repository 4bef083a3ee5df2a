"""Workers as Ray actors. Ray starts once for the module, and again where one of its processes is killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest
import pytest_asyncio

from actors.workers.driver import ROOT, Driver
from actors.workers.host import DriverHost
from actors.workers.service import LlmService
from config.settings import Settings
from tests.actors.workers.rig import request_to, running, text_of, until
from tests.scripted_model import Reply, ScriptedModel, words

pytestmark = pytest.mark.service

in_module_s_loop = pytest.mark.asyncio(loop_scope="module")


def pids(service: LlmService) -> dict[str, int]:
    return {state.id: state.pid for state in service.status().workers}


def driver_of(service: LlmService) -> Driver:
    assert isinstance(service.host, DriverHost)
    assert service.host._driver is not None
    return service.host._driver


def family(driver: Driver) -> list[psutil.Process]:
    process = psutil.Process(driver.pid)
    return [process, *process.children(recursive=True)]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def service() -> AsyncIterator[LlmService]:
    """A service whose requests are answered from the first moment and whose Ray workers have come."""
    service = LlmService(Settings(worker_host="ray"), embedded=True)
    await service.start()
    async with ScriptedModel(Reply(text="Early.")) as server:
        assert await text_of(service.stream(request_to(server))) == "Early."
    await until(lambda: len(pids(service)) == 3, 60.0)
    yield service
    processes, folder = family(driver_of(service)), driver_of(service)._folder
    await service.stop()
    assert running(processes) == []
    assert not folder.exists()


@in_module_s_loop
async def test_workers_answer_from_ray_s_processes(service: LlmService) -> None:
    async with ScriptedModel(Reply(text=words(200))) as server:
        said = await text_of(service.stream(request_to(server)))
    names = {psutil.Process(pid).name() for pid in pids(service).values()}

    assert said == "".join(words(200))
    assert all("ray::" in name for name in names)


@in_module_s_loop
async def test_the_embedded_model_is_a_child_of_its_ray_worker(service: LlmService) -> None:
    said = await text_of(service.stream(request_to(None)))
    (owner,) = [state.pid for state in service.status().workers if state.kind == "embedded"]

    assert said
    assert len(psutil.Process(owner).children()) == 1


@in_module_s_loop
async def test_ray_is_as_small_as_it_can_be(service: LlmService) -> None:
    programs = [" ".join(process.cmdline()) for process in family(driver_of(service))]

    assert [line for line in programs if "monitor" in line or "dashboard.py" in line] == []


async def audit(service: LlmService) -> dict[str, Any]:
    """Ask Ray, as a driver beside ours, how often it would start actors and calls again."""
    assert isinstance(service.host, DriverHost)
    (raylet,) = (process for process in family(driver_of(service)) if process.name() == "raylet")
    address = next(part.partition("=")[2] for part in raylet.cmdline() if part.startswith("--gcs-address="))
    auditor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.actors.workers.ray_auditor", address),
        env=os.environ | service.host._kind.environment | {"RAY_TMPDIR": str(driver_of(service)._folder)},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await auditor.communicate()
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


@in_module_s_loop
async def test_ray_itself_would_start_no_worker_and_no_call_again(service: LlmService) -> None:
    workers = {str(pid) for pid in pids(service).values()}

    found = await audit(service)

    assert {pid: found["restarts"][pid] for pid in workers} == dict.fromkeys(workers, 0)
    assert found["retries"] == 0


@in_module_s_loop
async def test_a_killed_ray_worker_is_noticed_at_once_and_replaced(service: LlmService) -> None:
    victim, pid = next((name, pid) for name, pid in pids(service).items() if name.startswith("llm"))

    os.kill(pid, signal.SIGKILL)

    assert await until(lambda: victim not in pids(service)) < 0.5
    await until(lambda: len(pids(service)) == 3, 30.0)


@in_module_s_loop
async def test_a_hanging_ray_worker_is_killed_and_replaced(service: LlmService) -> None:
    victim, pid = next((name, pid) for name, pid in pids(service).items() if name.startswith("llm"))
    process = psutil.Process(pid)

    process.suspend()

    assert await until(lambda: victim not in pids(service)) < 2.0
    await until(lambda: len(pids(service)) == 3, 30.0)
    assert running([process]) == []


@in_module_s_loop
@pytest.mark.timeout(150)
@pytest.mark.parametrize("victim", ["driver", "gcs_server", "raylet"])
async def test_ray_comes_back_whichever_of_its_processes_dies(service: LlmService, victim: str) -> None:
    processes, folder = family(driver_of(service)), driver_of(service)._folder
    restarts = service.status().host_restarts
    mark = processes[0] if victim == "driver" else next(p for p in processes if p.name() == victim)

    mark.kill()
    gone_after = await until(lambda: not pids(service), 10.0)
    async with ScriptedModel(Reply(text="Still here.")) as server:
        said = await text_of(service.stream(request_to(server)))
    await until(lambda: len(pids(service)) == 3, 60.0)

    assert gone_after < 2.0
    assert (said, service.status().host_restarts) == ("Still here.", restarts + 1)
    assert (running(processes), folder.exists()) == ([], False)
