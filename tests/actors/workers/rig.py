"""What the tests of workers share: requests, waiting, and workers as tasks of this process."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psutil

from actors.models.chat import ChatEvent, ChatRequest, Delta, Endpoint, Sampling
from actors.workers.hub import Hub
from actors.workers.llm import serve
from actors.workers.orders import Orders
from tests.scripted_model import ScriptedModel


async def until(condition: Callable[[], bool], within_s: float = 20.0) -> float:
    """Wait until `condition` holds and return how long that took, in seconds."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > within_s:
            raise AssertionError("It did not come to that in time")
        await asyncio.sleep(0.002)
    return time.monotonic() - start


def request_to(server: ScriptedModel | None, name: str = "r", within_s: float = 30.0) -> ChatRequest:
    """Return a request to a scripted server, or to the embedded model."""
    endpoint = None if server is None else Endpoint(server.base_url, server.models[0])
    sampling = Sampling(max_tokens=None if server else 8)
    deadline = time.time() + within_s
    return ChatRequest(id=name, endpoint=endpoint, prompt="Once", sampling=sampling, deadline=deadline)


async def text_of(events: AsyncIterator[ChatEvent]) -> str:
    """Read a stream to its end and return what it said."""
    return "".join([event.text async for event in events if isinstance(event, Delta)])


@asynccontextmanager
async def open_hub(towards: str | None = None) -> AsyncIterator[Hub]:
    """Open a hub whose connections beat."""
    hub = Hub(towards)
    await hub.start()
    pulse = asyncio.create_task(hub.beat())
    yield hub
    pulse.cancel()
    await asyncio.gather(pulse, return_exceptions=True)
    await hub.stop()


@asynccontextmanager
async def worker(hub: Hub, name: str = "llm-1", kind: str = "llm") -> AsyncIterator["asyncio.Task[None]"]:
    """Run a worker as a task of this process."""
    task = asyncio.create_task(serve(Orders(id=name, kind=kind, door=hub.door)))
    await until(lambda: name in hub.links)
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def running(processes: list[psutil.Process]) -> list[str]:
    """Return the names of those that still run; the dead that nobody has buried do not."""
    return [process.name() for process in processes if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
