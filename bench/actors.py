"""`troupe bench actors`: what an actor costs, idle and busy, and Pykka's own thread actor beside it."""

from typing import Any

from actors.channel.company import Company
from actors.runtime import AsyncioRef
from bench import asks, churn, counters, crashes, hops, pauses, residency, thread_actors
from bench.report import Goal, Report

GOALS = {
    "idle_actor_bytes": Goal("<=", 1_600),
    "activation_us": Goal("<=", 50),
    "one_hop_messages_per_s": Goal(">=", 350_000),
    "two_hops_messages_per_s": Goal(">=", 250_000),
    "one_hop_timed_messages_per_s": Goal(">=", 350_000),
    "two_hops_timed_messages_per_s": Goal(">=", 250_000),
    "ask_us_p50": Goal("<=", 20),
    "ask_us_p99": Goal("<=", 60),
    "ask_at_10k_per_s_us_p99": Goal("<=", 500),
    "full_gc_ms_p99_at_20k_channels": Goal("<=", 20),
    "full_gc_ms_p99_at_100k_channels": Goal("<=", 20),
    "resident_channels_per_gb": Goal(">=", 60_000),
    "window_unpack_us_p99": Goal("<=", 1_000),
    "churn_lives": Goal(">=", 1_000_000),
    "churn_rss_drift_percent": Goal("<=", 5),
    "churn_hidden_garbage_objects": Goal("<=", 1_000),
    "crash_to_answer_us_p50": Goal("<=", 150),
}


async def run(worker_host: str = "ray") -> Report:  # noqa: ARG001 - every bench is called in one way
    """Measure our actors, then Pykka's in the same process."""
    report = Report(name="actors", goals=GOALS)
    report.figures = {
        **await churn.measure(),
        **await _memory(),
        **await hops.measure(),
        **await asks.measure(),
        **await crashes.measure(),
        **await pauses.measure(),
    }
    for threads in (1_000, 5_000):
        report.peers[f"pykka_threading_{threads}"] = thread_actors.measure(threads)
    return report.settle()


async def _memory() -> dict[str, float]:
    """Nothing is freed between the two parts, so that neither lives in what the other left."""
    refs: list[AsyncioRef[Any]] = [counters.Counter.start()]
    companies: list[Company] = []
    figures = {**await counters.measure(refs), **await residency.measure(companies)}
    await counters.stop_all(refs)
    for company in companies:
        await company.stop()
    return figures
