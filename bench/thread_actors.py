"""The same figures of Pykka's own actors, each of them a thread."""

import time
from typing import Any

import pykka
from typing_extensions import override

from bench.report import quantile, rss


class ThreadCounter(pykka.ThreadingActor):
    """Counts its messages and answers with the count."""

    use_daemon_thread = True

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @override
    def on_receive(self, message: Any) -> int:
        self.count += 1
        return self.count


def measure(count: int) -> dict[str, float]:
    """Measure so many of them."""
    before = rss()
    started = time.perf_counter()
    refs = [ThreadCounter.start() for _ in range(count)]
    activation_us = (time.perf_counter() - started) / count * 1e6
    for ref in refs:
        ref.ask("hello")
    idle_bytes = (rss() - before) / count
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
