"""Groups of workers that follow their load, and workers that the stage does not understand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors.workers.service import LlmService
from config.settings import Settings
from tests.actors.workers.rig import request_to, text_of, until
from tests.scripted_model import Reply, ScriptedModel, words

pytestmark = pytest.mark.service


def count(service: LlmService) -> int:
    return len(service.status().workers)


async def test_a_group_grows_with_its_streams_and_shrinks_without_cutting_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("actors.workers.groups.FULL", 1 / 256)
    monkeypatch.setattr("actors.workers.groups.SHRINK_S", 0.3)
    service = LlmService(Settings(worker_host="processes", llm_workers="2-4"))
    await service.start()
    try:
        await until(lambda: count(service) == 2)
        async with ScriptedModel(Reply(text=words(150), rate=60)) as server:
            streams = [service.stream(request_to(server)) for _ in range(4)]
            begun = [(await anext(events)) for events in streams]
            grown_after = await until(lambda: count(service) == 4)
            for events in streams[:3]:
                await events.aclose()
            shrunk_after = await until(lambda: count(service) == 2)
            rest = await text_of(streams[3])
    finally:
        await service.stop()

    assert grown_after < 2.0
    assert shrunk_after > 0.3
    assert rest.endswith("".join(words(150))[-20:])
    assert len(begun) == 4


@asynccontextmanager
async def reading(service: LlmService, server: ScriptedModel, count: int) -> AsyncIterator[None]:
    """Ask so often at once, and read whatever comes."""
    readers = [asyncio.create_task(text_of(service.stream(request_to(server)))) for _ in range(count)]
    yield
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)


async def test_requests_that_wait_for_their_turn_count_as_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.workers.groups.FULL", 1 / 256)
    service = LlmService(Settings(worker_host="processes", llm_workers="2-4", llm_concurrency=1))
    await service.start()
    try:
        async with ScriptedModel(Reply(text=words(600), rate=60)) as server, reading(service, server, 4):
            await until(lambda: sum(model.waiting for model in service.status().models) == 3)
            await until(lambda: count(service) == 4)
    finally:
        await service.stop()


async def test_a_worker_of_another_version_is_refused_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.workers.link.VERSION", 99)
    service = LlmService(Settings(worker_host="processes", llm_workers="1"))
    await service.start()
    try:
        async with ScriptedModel(Reply(text="Here meanwhile.")) as server:
            await until(lambda: _restarts(service) >= 1)
            refused = count(service)
            said = await text_of(service.stream(request_to(server)))
        monkeypatch.undo()
        await until(lambda: count(service) == 1)
    finally:
        await service.stop()

    assert (refused, said) == (0, "Here meanwhile.")


def _restarts(service: LlmService) -> int:
    host, *_ = service.snapshot().children
    return sum(child.restarts for branch in host.children for child in branch.children)
