"""`troupe bench workers`: what hosting workers elsewhere costs, and what the loss of one looks like."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from itertools import accumulate
from typing import Any

import aiohttp
import msgspec
import psutil

from actors.models.chat import ChatModel, ChatRequest, Delta, Endpoint
from actors.workers.driver import ray_driver, sweep
from actors.workers.errors import WorkerLostError
from actors.workers.host import DriverHost
from actors.workers.service import LlmService
from bench.report import Goal, Report, quantile
from config.logs import configure_logging
from config.settings import Settings
from tests.scripted_model import words

RATE, TOKENS, FIRST_TOKEN_S = 60.0, 300, 0.05
WORKERS = 2
READY_S = 60.0
STREAMS, MANY = 64, 256
PARTS = {"ray": ("host", "gcs", "raylet", "head"), "processes": ("host",)}
"""What is killed of each host; `host` is its driver."""

GOALS = {
    "added_first_token_ms_idle_p50": Goal("<=", 0.3),
    "added_first_token_ms_loaded_p50": Goal("<=", 1.0),
    "stage_cpu_ms_per_1k_tokens": Goal("<=", 5.0),
    "workers_cpu_ms_per_1k_tokens": Goal("<=", 45.0),
    "token_delay_ms_p99_at_256": Goal("<=", 50.0),
    "kill_detected_ms": Goal("<=", 25.0),
    "kill_redispatched_ms": Goal("<=", 5.0),
    "kill_gap_ms_p99": Goal("<=", 150.0),
    "kill_capacity_back_s": Goal("<=", 1.5),
}


class Heard(msgspec.Struct):
    """One stream as its reader heard it; times are monotonic, `at` and `sizes` go together."""

    tag: str
    asked: float
    at: list[float] = []
    sizes: list[int] = []
    lost: list[float] = []

    @property
    def first_token_ms(self) -> float:
        """From the request to the first text."""
        return (self.at[0] - self.asked) * 1000


class Model(msgspec.Struct):
    """The scripted model server beside us."""

    base_url: str

    async def began(self) -> dict[str, float]:
        """Return when each request got its first token, by tag; monotonic time."""
        return {one["body"]["prompt"]: at for one in await self._seen() if (at := one["first_token_at"])}

    async def asked(self) -> dict[str, float]:
        """Return when the last request of each tag arrived; monotonic time."""
        return {one["body"]["prompt"]: one["at"] for one in await self._seen()}

    async def _seen(self) -> list[dict[str, Any]]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.base_url.removesuffix("/v1") + "/scripted/seen") as answer,
        ):
            return msgspec.json.decode(await answer.read(), type=list[dict[str, Any]])


async def run(worker_host: str = "ray") -> Report:
    """Measure a host, with the same calls in this process and the other host as peers."""
    configure_logging("auto", "error")
    report = Report(name="workers", goals=_goals(worker_host))
    async with _model() as model:
        report.peers["in_process"] = await _measure(model, "none")
        hosts = [worker_host, *({"ray", "processes"} - {worker_host})]
        for host in hosts:
            figures = await _measure(model, host)
            _subtract(figures, report.peers["in_process"])
            if host == worker_host:
                report.figures = figures
            else:
                report.peers[host] = figures
        report.peers["ray_generator"] = await _ray_generator(model)
        _subtract(report.peers["ray_generator"], report.peers["in_process"])
    return report.settle()


def _goals(host: str) -> dict[str, Goal]:
    parts = PARTS.get(host, ())
    degraded = {f"{part}_killed_degraded_ms": Goal("<=", 100.0) for part in parts}
    return GOALS | degraded | {f"{part}_killed_back_s": Goal("<=", 10.0) for part in parts}


async def _ray_generator(model: Model) -> dict[str, float]:
    """Measure what Ray's own streams do, in a process that may import Ray."""
    kind = ray_driver(None)
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.ray_generator", f"--base-url={model.base_url}"),
            env=os.environ | kind.environment | {"TMPDIR": folder},
            start_new_session=True,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        await asyncio.to_thread(sweep, process.pid)
    return msgspec.json.decode(out.splitlines()[-1], type=dict[str, float])


def _subtract(figures: dict[str, float], direct: dict[str, float]) -> None:
    """Add what a host adds to the time of the first token."""
    for key in ("first_token_ms_idle_p50", "first_token_ms_loaded_p50"):
        figures[f"added_{key}"] = round(figures[key] - direct[key], 3)


@asynccontextmanager
async def _model() -> AsyncGenerator[Model, None]:
    options = [f"--ttft={FIRST_TOKEN_S}", f"--rate={RATE}", f"--tokens={TOKENS}"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.scripted_model", *options), stdout=asyncio.subprocess.PIPE
    )
    try:
        line = await process.stdout.readline() if process.stdout is not None else b""
        yield Model(msgspec.json.decode(line)["base_url"])
    finally:
        process.terminate()
        await process.wait()


async def _measure(model: Model, host: str) -> dict[str, float]:
    settings = msgspec.convert({"worker_host": host, "log_level": "warning"}, Settings)
    service = LlmService(settings)
    await service.start()
    try:
        if host != "none":
            await _until(lambda: len(service.status().workers) == WORKERS)
        figures = await measure_idle(service, model)
        figures |= await measure_loaded(service, model, lambda: _workers_cpu_s(service))
        figures |= await _many(service, model)
        if host != "none":
            figures |= await _kill_worker(service, model)
            for part in PARTS[host]:
                figures |= await _kill_host(service, model, part)
        return figures
    finally:
        await service.stop()


async def measure_idle(service: ChatModel, model: Model) -> dict[str, float]:
    """Ask one after the other and listen to the beginning only."""
    times = [
        (await _listen(service, model, f"idle-{time.monotonic()}", tokens=2)).first_token_ms
        for _ in range(120)
    ][20:]
    return {
        "first_token_ms_idle_p50": round(quantile(times, 0.5), 3),
        "first_token_ms_idle_p99": round(quantile(times, 0.99), 3),
    }


async def measure_loaded(
    service: ChatModel, model: Model, workers_cpu_s: Callable[[], float]
) -> dict[str, float]:
    """Listen to many streams at once."""
    before, spent = workers_cpu_s(), time.process_time()
    heard = await _together(service, model, STREAMS)
    await asyncio.sleep(0.25)  # the last heartbeat brings the workers' processor time
    thousands = STREAMS * TOKENS / 1000
    times = [one.first_token_ms for one in heard]
    return {
        "first_token_ms_loaded_p50": round(quantile(times, 0.5), 3),
        "first_token_ms_loaded_p99": round(quantile(times, 0.99), 3),
        "stage_cpu_ms_per_1k_tokens": round((time.process_time() - spent) * 1000 / thousands, 2),
        "workers_cpu_ms_per_1k_tokens": round((workers_cpu_s() - before) * 1000 / thousands, 2),
        "token_delay_ms_p99_at_64": await _token_delay_ms(model, heard),
    }


async def _many(service: LlmService, model: Model) -> dict[str, float]:
    heard = await _together(service, model, MANY)
    return {"token_delay_ms_p99_at_256": await _token_delay_ms(model, heard)}


async def _token_delay_ms(model: Model, heard: list[Heard]) -> float:
    """Return the 99th percentile of how late tokens came, after the server's own schedule."""
    began, delays = await model.began(), list[float]()
    ends = list(accumulate(len(word) for word in words(TOKENS)))
    for one in heard:
        index, length = 0, 0
        for at, size in zip(one.at, one.sizes, strict=True):
            length += size
            while index < len(ends) and ends[index] <= length:
                delays.append((at - began[one.tag] - index / RATE) * 1000)
                index += 1
    return round(quantile(delays, 0.99), 2)


async def _kill_worker(service: LlmService, model: Model) -> dict[str, float]:
    streams = asyncio.ensure_future(_together(service, model, STREAMS))
    await asyncio.sleep(2.5)
    victim = service.status().workers[0]
    os.kill(victim.pid, signal.SIGKILL)
    killed = time.monotonic()
    await _until(lambda: victim.id not in {worker.id for worker in service.status().workers}, 0.0)
    noticed = time.monotonic()
    await _until(lambda: sum(worker.streams for worker in service.status().workers) == STREAMS, 0.0)
    sent_again = time.monotonic() - noticed
    await _until(lambda: len(service.status().workers) == WORKERS)
    back = time.monotonic() - killed
    hit = [one for one in await streams if one.lost]
    asked = await model.asked()
    arrived = [(asked[one.tag] - one.lost[0]) * 1000 for one in hit]
    gaps = [
        (min(at for at in one.at if at > one.lost[0]) - max(at for at in one.at if at <= one.lost[0])) * 1000
        for one in hit
    ]
    return {
        "kill_streams_hit": float(len(hit)),
        "kill_detected_ms": round(max(one.lost[0] - killed for one in hit) * 1000, 2),
        "kill_redispatched_ms": round(sent_again * 1000, 2),
        "kill_asked_again_ms_max": round(max(arrived), 2),
        "kill_gap_ms_p99": round(quantile(gaps, 0.99) - FIRST_TOKEN_S * 1000, 2),
        "kill_capacity_back_s": round(back, 3),
    }


async def _kill_host(service: LlmService, model: Model, part: str) -> dict[str, float]:
    """Kill a part of what hosts the workers, which with Ray takes the rest along, and ask as if nothing was.

    Degraded service is there when the workers are known to be gone, and what was asked in the instant of the
    kill has its first token, less the time that the model takes for it.
    """
    workers = {worker.id for worker in service.status().workers}
    for process in _processes_of(part, _driver_pid(service)):
        process.kill()
    killed = time.monotonic()
    asked = asyncio.ensure_future(_listen(service, model, f"{part}-{killed}", tokens=2))
    await _until(lambda: not workers & {worker.id for worker in service.status().workers})
    noticed_ms = (time.monotonic() - killed) * 1000
    answered_ms = ((await asked).at[0] - killed - FIRST_TOKEN_S) * 1000
    await _until(lambda: len(service.status().workers) == WORKERS)
    return {
        f"{part}_killed_noticed_ms": round(noticed_ms, 2),
        f"{part}_killed_degraded_ms": round(max(noticed_ms, answered_ms), 2),
        f"{part}_killed_back_s": round(time.monotonic() - killed, 2),
    }


def _processes_of(part: str, driver_pid: int) -> list[psutil.Process]:
    """Return the driver itself, one process of Ray's, or all of Ray's that are no workers."""
    driver = psutil.Process(driver_pid)
    if part == "host":
        return [driver]
    rays = [process for process in driver.children(recursive=True) if not process.name().startswith("ray::")]
    return [process for process in rays if part in {"head", process.name().removesuffix("_server")}]


async def _together(service: ChatModel, model: Model, streams: int) -> list[Heard]:
    """Listen to many streams that begin within a second."""

    async def later(number: int) -> Heard:
        await asyncio.sleep(number / streams)
        return await _listen(service, model, f"{streams}-{number}-{time.monotonic()}")

    return list(await asyncio.gather(*(later(number) for number in range(streams))))


async def _listen(service: ChatModel, model: Model, tag: str, tokens: int = TOKENS) -> Heard:
    """Listen to a stream; one that is lost with its worker is asked for anew."""
    heard = Heard(tag, time.monotonic())
    while True:
        request = ChatRequest(id=tag, endpoint=Endpoint(model.base_url, "scripted-1"), prompt=tag)
        try:
            await _hear(service, request, heard, tokens)
        except WorkerLostError:
            heard.lost.append(time.monotonic())
        else:
            return heard


async def _hear(service: ChatModel, request: ChatRequest, heard: Heard, tokens: int) -> None:
    events = service.stream(request)
    count = 0
    async for event in events:
        if isinstance(event, Delta):
            heard.at.append(time.monotonic())
            heard.sizes.append(len(event.text))
            count += 1
            if tokens < TOKENS and count >= tokens:
                break
    await events.aclose()


def _driver_pid(service: LlmService) -> int:
    if not isinstance(service.host, DriverHost) or service.host.driver_pid is None:
        raise RuntimeError("There is no driver")
    return service.host.driver_pid


async def _until(condition: Callable[[], bool], pause_s: float = 0.001) -> None:
    async with asyncio.timeout(READY_S):
        while not condition():  # noqa: ASYNC110 - processes come and go without an event
            await asyncio.sleep(pause_s)


def _workers_cpu_s(service: LlmService) -> float:
    return sum(worker.cpu_s for worker in service.status().workers)
