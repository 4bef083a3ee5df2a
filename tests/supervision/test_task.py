import asyncio

import pytest
from structlog.testing import capture_logs

from supervision.supervisor import Supervisor
from supervision.task import task_child

pytestmark = pytest.mark.unit


async def test_a_coroutine_that_stops_when_asked_is_not_killed() -> None:
    supervisor = await Supervisor("root", [task_child("waits", asyncio.Event().wait)]).start()
    with capture_logs() as logs:
        await supervisor.stop()
        await asyncio.sleep(0)
    assert [entry["event"] for entry in logs] == []
