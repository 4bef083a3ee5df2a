"""A Ray that lives and says nothing; it takes half a minute until that is noticed for certain."""

import pytest

from actors.workers.service import LlmService
from tests.actors.workers.rig import running, until
from tests.actors.workers.test_ray import (
    driver_of,
    family,
    in_module_s_loop,
    pids,
    service,  # noqa: F401 - a fixture
)

pytestmark = pytest.mark.chaos


@in_module_s_loop
@pytest.mark.timeout(150)
@pytest.mark.parametrize("victim", ["gcs_server", "raylet"])
async def test_ray_comes_back_whichever_of_its_processes_hangs(
    service: LlmService,  # noqa: F811 - the fixture
    victim: str,
) -> None:
    processes, restarts = family(driver_of(service)), service.status().host_restarts

    next(process for process in processes if process.name() == victim).suspend()
    await until(lambda: service.status().host_restarts > restarts, 60.0)
    await until(lambda: len(pids(service)) == 3, 60.0)

    assert running(processes) == []
