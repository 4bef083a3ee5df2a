import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psutil
import pytest

from supervision import Down, Policy, ProcessFailedError, Supervisor, process_child

pytestmark = pytest.mark.service

WAIT = "import time; time.sleep(60)"
FAIL = "raise SystemExit(3)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


def program(text: str) -> Callable[[], Awaitable[Process]]:
    return lambda: asyncio.create_subprocess_exec(sys.executable, "-c", text, stdout=PIPE)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = {child.pid for child in psutil.Process().children()}
    yield
    assert {child.pid for child in psutil.Process().children()} <= before


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.005)


def pid_of(root: Supervisor) -> int:
    running: Any = root.running("program")
    pid: int = running.process.pid
    return pid


def test_a_killed_program_is_started_again() -> None:
    async def story() -> bool:
        root = await Supervisor("root", [process_child("program", program(WAIT))]).start()
        first = pid_of(root)
        os.kill(first, signal.SIGKILL)
        await until(lambda: root.running("program") is not None and pid_of(root) != first)
        await root.stop()
        return True

    assert asyncio.run(story())


def test_an_exit_code_is_a_failure() -> None:
    async def story() -> list[Down]:
        downs: list[Down] = []
        bad = process_child("program", program(FAIL), restart="temporary")
        root = Supervisor("root", [bad])
        root.monitor(downs.append)
        await root.start()
        await until(lambda: bool(downs))
        return downs

    (down,) = asyncio.run(story())
    assert isinstance(down.error, ProcessFailedError)
    assert str(down.error) == "exit code 3"


def test_a_program_that_ignores_sigterm_is_killed_after_its_budget() -> None:
    async def hello(process: Process) -> None:
        assert process.stdout is not None
        await process.stdout.readline()

    async def story() -> float:
        deaf = process_child("program", program(DEAF), stop_budget_s=0.1, ready=hello)
        root = await Supervisor("root", [deaf]).start()
        started = asyncio.get_running_loop().time()
        await root.stop()
        return asyncio.get_running_loop().time() - started

    assert asyncio.run(story()) >= 0.1


def test_a_program_that_is_not_ready_in_time_is_killed() -> None:
    async def story() -> None:
        never = process_child(
            "program", program(WAIT), ready=lambda _: asyncio.sleep(60), start_timeout_s=0.1
        )
        root = Supervisor("root", [never], Policy(intensity=0))
        await root.start(wait=False)
        await root.wait_failed()

    asyncio.run(story())
