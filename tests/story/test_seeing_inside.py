"""What an operator sees of one talk: a single trace over all processes, health, metrics, and no secret."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import ClientSession, web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from bench.rig import free_port
from tests.scripted_model import Reply, ScriptedModel
from tests.story.conftest import StartProgram
from tests.story.program import Program
from tests.story.visitor import visit

pytestmark = [pytest.mark.service, pytest.mark.timeout(120)]

KEY = "sk-story-0123456789abcdef"
WORDS = "Good evening, dear audience."
WAIT_S = 10.0
REST_S = 1.0
"""Processes send their spans every 0.2 s, each for itself."""
TURNS = 3
"""Two characters greet, one answers."""
STORY = {"message", "turn", "model", "worker.stream", "deliver"}


class Collector:
    """Takes spans as an OpenTelemetry collector does, over HTTP with protobuf."""

    def __init__(self) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.spans: list[tuple[str, str, str]] = []
        """Service, name and trace of every span."""
        self._arrived = asyncio.Event()
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", int(self.url.rpartition(":")[2])).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def trace_with(self, name: str) -> tuple[set[str], set[str]]:
        """Wait for the spans of the only trace that has one of this name; returns its services and names."""
        async with asyncio.timeout(WAIT_S):
            while not any(each == name for _, each, _ in self.spans):
                self._arrived.clear()
                await self._arrived.wait()
        await asyncio.sleep(REST_S)
        [trace] = {trace for _, each, trace in self.spans if each == name}
        spans = [(service, each) for service, each, of in self.spans if of == trace]
        return {service for service, _ in spans}, {each for _, each in spans}

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            )
            self.spans += [
                (service, span.name, span.trace_id.hex())
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        self._arrived.set()
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    started = Collector()
    await started.start()
    yield started
    await started.stop()


async def test_one_talk_is_one_trace_over_all_processes_and_tells_no_secret(
    start_program: StartProgram, collector: Collector
) -> None:
    async with ScriptedModel(Reply(text=WORDS, rate=20), api_key=KEY) as model:
        program = await asyncio.to_thread(
            start_program,
            LLM_BASE_URL=model.base_url,
            LLM_API_KEY=KEY,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="200",
            TROUPE_LOG_LEVEL="debug",
        )
        await asyncio.to_thread(program.wait_for_log, '"worker_joined"')
        async with visit(program.url) as ada:
            said = await ada.say("@Hush hello")
            await ada.hears("Hush", WORDS, after=said)
        await asyncio.to_thread(program.wait_for_log, '"turn_ended"', count=TURNS)
        seen = await _look(program)
        services, names = await collector.trace_with("worker.stream")
        await asyncio.to_thread(program.terminate)
    assert seen.statuses == (200, 200)
    assert seen.parts == {"storage", "discord", "model", "workers"}
    assert f'troupe_turns_total{{outcome="done"}} {TURNS}.0' in seen.metrics
    assert names == STORY
    assert services == {"troupe-stage", "troupe-worker-llm"}
    control = (program.home / "data" / "control.token").read_text()
    assert not [secret for secret in (KEY, control, ".sandbox.token") if secret in program.log]


class Look(msgspec.Struct):
    """What the operators' port tells."""

    statuses: tuple[int, int]
    parts: set[str]
    metrics: str


async def _look(program: Program) -> Look:
    async with ClientSession(f"http://{program.http}") as operator:
        async with operator.get("/healthz") as health, operator.get("/readyz") as ready:
            ready_parts = {part["part"] for part in msgspec.json.decode(await ready.read()) if part["ok"]}
            statuses = (health.status, ready.status)
        async with operator.get("/metrics") as answer:
            return Look(statuses, ready_parts, await answer.text())
