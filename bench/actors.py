"""`troupe bench actors`: what an actor costs, idle and busy, and Pykka's own thread actor beside it."""

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psutil
import pykka
from typing_extensions import override

from actors.channel.company import Company
from actors.runtime import AsyncioActor, AsyncioRef
from actors.runtime.child import ActorHandle, actor_child
from actors.runtime.memory import calm_garbage_collector
from bench import residency
from bench.report import Goal, Report, quantile
from supervision import Backoff, Policy, Supervisor

IDLE = 100_000
LATER = 10_000
"""Actors that start after the freeze, as channels do after the start of the service."""
CHANNELS, PERSONALITIES = 10_000, 1_000
MESSAGES, BURST = 300_000, 10_000
ASKS = 5_000
BACKGROUND_PER_S = 10_000
CRASHES = 500
GOALS = {
    "idle_actor_bytes": Goal("<=", 1_600),
    "activation_us": Goal("<=", 50),
    "one_hop_messages_per_s": Goal(">=", 350_000),
    "two_hops_messages_per_s": Goal(">=", 250_000),
    "ask_us_p50": Goal("<=", 20),
    "ask_us_p99": Goal("<=", 60),
    "ask_at_10k_per_s_us_p99": Goal("<=", 500),
    "full_gc_ms_after_freeze": Goal("<=", 50),
    "resident_channels_per_gb": Goal(">=", 60_000),
    "window_unpack_us_p99": Goal("<=", 1_000),
    "churn_lives": Goal(">=", 1_000_000),
    "churn_rss_drift_percent": Goal("<=", 5),
    "crash_to_answer_us_p50": Goal("<=", 150),
}


class Counter(AsyncioActor):
    """Counts its messages and answers with the count."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @override
    def on_receive(self, message: Any) -> int:
        self.count += 1
        return self.count


class Tally:
    """Counts for many actors and says when all have heard everything."""

    def __init__(self, expected: int) -> None:
        self.left = expected
        self.complete = asyncio.Event()

    def heard(self) -> None:
        """One message more."""
        self.left -= 1
        if self.left == 0:
            self.complete.set()


class Sink(AsyncioActor):
    """The end of a route."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    @override
    def on_receive(self, message: Any) -> None:
        self._tally.heard()


class Router(AsyncioActor):
    """Passes every message on."""

    def __init__(self, following: AsyncioRef[Any]) -> None:
        super().__init__()
        self._following = following

    @override
    def on_receive(self, message: Any) -> None:
        self._following.tell(message)


class Fragile(AsyncioActor):
    """Fails when it is told to, else answers."""

    @override
    def on_receive(self, message: Any) -> Any:
        if message == "fail":
            raise ValueError
        return message


class ThreadCounter(pykka.ThreadingActor):
    """The same as `Counter`, in a thread."""

    use_daemon_thread = True

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @override
    def on_receive(self, message: Any) -> int:
        self.count += 1
        return self.count


async def run(worker_host: str = "ray") -> Report:  # noqa: ARG001 - every bench is called in one way
    """Measure our actors, then Pykka's in the same process."""
    report = Report(name="actors", goals=GOALS)
    report.figures = {
        **await residency.churn(),
        **await _memory(),
        **await _throughput(),
        **await _latency(),
        **await _crashes(),
    }
    for threads in (1_000, 5_000):
        report.peers[f"pykka_threading_{threads}"] = _threads(threads)
    return report.settle()


async def _memory() -> dict[str, float]:
    """Nothing is freed between the two parts, so that neither lives in what the other left."""
    refs: list[AsyncioRef[Any]] = [Counter.start()]
    companies: list[Company] = []
    figures = {**await _idle(refs), **await residency.measure(companies)}
    await _stop(refs)
    for company in companies:
        await company.stop()
    return figures


async def _idle(keep: list[AsyncioRef[Any]]) -> dict[str, float]:
    before = _rss()
    started = time.perf_counter()
    refs = [Counter.start() for _ in range(IDLE)]
    await refs[-1].request("started", 60.0)
    activation_us = (time.perf_counter() - started) / IDLE * 1e6
    idle_bytes = (_rss() - before) / IDLE
    for ref in refs:
        ref.tell("hello")
    await refs[-1].request("heard", 60.0)
    used_bytes = (_rss() - before) / IDLE
    pause_ms = _timed_ms(gc.collect)
    gc.freeze()
    refs += [Counter.start() for _ in range(LATER)]
    await refs[-1].request("started", 60.0)
    frozen_ms = _timed_ms(gc.collect)
    gc.unfreeze()
    keep += refs
    return {
        "idle_actor_bytes": round(idle_bytes),
        "idle_actor_after_a_message_bytes": round(used_bytes),
        "activation_us": round(activation_us, 2),
        "full_gc_ms": round(pause_ms, 1),
        "full_gc_ms_after_freeze": round(frozen_ms, 1),
    }


async def _throughput() -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, hops in (("one_hop", 1), ("two_hops", 2)):
        tally = Tally(MESSAGES)
        sinks = [Sink.start(tally) for _ in range(PERSONALITIES)]
        routers = [Router.start(sinks[number % PERSONALITIES]) for number in range(CHANNELS)]
        wall_s, cpu_s = await _send_all(sinks if hops == 1 else routers, tally)
        figures[f"{name}_messages_per_s"] = round(MESSAGES / wall_s)
        figures[f"{name}_messages_per_cpu_s"] = round(MESSAGES / cpu_s)
        await _stop([*routers, *sinks])
    return figures


async def _send_all(refs: Sequence[AsyncioRef[Any]], tally: Tally) -> tuple[float, float]:
    """Send in bursts that mailboxes hold; return seconds by the clock and of CPU until all is heard."""
    await refs[-1].request("started", 60.0)
    tally.left = MESSAGES
    calm_garbage_collector()
    wall, cpu = time.perf_counter(), time.thread_time()
    for _ in range(MESSAGES // BURST):
        for number in range(BURST):
            refs[number % len(refs)].tell(number)
        await asyncio.sleep(0)
    await tally.complete.wait()
    return time.perf_counter() - wall, time.thread_time() - cpu


async def _latency() -> dict[str, float]:
    ref = Counter.start()
    idle = await _ask_times_us(ref)
    others = [Counter.start() for _ in range(1_000)]
    noise = asyncio.create_task(_background(others))
    loaded = await _ask_times_us(ref, pause_s=0.0005)
    noise.cancel()
    await _stop([ref, *others])
    return {
        "ask_us_p50": round(quantile(idle, 0.5), 1),
        "ask_us_p99": round(quantile(idle, 0.99), 1),
        "ask_at_10k_per_s_us_p50": round(quantile(loaded, 0.5), 1),
        "ask_at_10k_per_s_us_p99": round(quantile(loaded, 0.99), 1),
    }


async def _ask_times_us(ref: AsyncioRef[Any], pause_s: float | None = None) -> list[float]:
    times: list[float] = []
    for _ in range(ASKS):
        started = time.perf_counter()
        await ref.request("count", 5.0)
        times.append((time.perf_counter() - started) * 1e6)
        if pause_s is not None:
            await asyncio.sleep(pause_s)
    return times


async def _background(refs: Sequence[AsyncioRef[Any]]) -> None:
    """Tell at a steady rate, in small portions every millisecond."""
    loop = asyncio.get_running_loop()
    started, sent = loop.time(), 0
    while True:
        due = int((loop.time() - started) * BACKGROUND_PER_S)
        for number in range(sent, due):
            refs[number % len(refs)].tell(number)
        sent = max(sent, due)
        await asyncio.sleep(0.001)


async def _crashes() -> dict[str, float]:
    logged = await _crash_times_us()
    logging.disable(logging.CRITICAL)
    silent = await _crash_times_us()
    logging.disable(logging.NOTSET)
    return {
        "crash_to_answer_us_p50": round(quantile(silent, 0.5), 1),
        "crash_to_answer_us_p99": round(quantile(silent, 0.99), 1),
        "crash_to_answer_logged_us_p50": round(quantile(logged, 0.5), 1),
    }


async def _crash_times_us() -> list[float]:
    """From the message that kills an actor to the answer of its successor to the one behind."""
    handle = ActorHandle("fragile", lives=1)
    policy = Policy(intensity=CRASHES, period_s=60.0, backoff=Backoff(healthy_s=0.0))
    root = await Supervisor("bench", [actor_child("fragile", Fragile.start, handle=handle)], policy).start()
    times: list[float] = []
    for _ in range(CRASHES):
        started = time.perf_counter()
        handle.tell("fail")
        await handle.ask("behind the crash", 5.0)
        times.append((time.perf_counter() - started) * 1e6)
    await root.stop()
    return times


def _threads(count: int) -> dict[str, float]:
    before = _rss()
    started = time.perf_counter()
    refs = [ThreadCounter.start() for _ in range(count)]
    activation_us = (time.perf_counter() - started) / count * 1e6
    for ref in refs:
        ref.ask("hello")
    idle_bytes = (_rss() - before) / count
    times: list[float] = []
    for number in range(1_000):
        asked = time.perf_counter()
        refs[number % count].ask("count")
        times.append((time.perf_counter() - asked) * 1e6)
    messages = 20_000
    started = time.perf_counter()
    for number in range(messages):
        refs[number % count].tell(number)
    for ref in refs:
        ref.ask("heard")
    rate = messages / (time.perf_counter() - started)
    for ref in refs:
        ref.stop()
    return {
        "idle_actor_bytes": round(idle_bytes),
        "activation_us": round(activation_us, 1),
        "one_hop_messages_per_s": round(rate),
        "ask_us_p50": round(quantile(times, 0.5), 1),
        "ask_us_p99": round(quantile(times, 0.99), 1),
    }


async def _stop(refs: Sequence[AsyncioRef[Any]]) -> None:
    ends: list[Awaitable[Any]] = [ref.stop(block=False) for ref in refs]
    for end in ends:
        await end


def _rss() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def _timed_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3
