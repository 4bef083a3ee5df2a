"""`troupe bench ledger`: what it costs to lose nothing.

Added milliseconds: one bot on a local Postgres that flushes every commit (its own, as shipped) answers one
message after the other. For every second message the inbox and the ledgers of turns and deliveries answer at
once without writing: the same path, process, moment and load, without the durable writes. The figure is the
difference of the medians of the time from message to first visible text, its 95 % interval comes from
resampling. Beside it stands the commit to the inbox alone, the one write that nothing overlaps.

Turns per second: a burst over many channels with every write on, until the last answer is complete.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.report import Goal, Report, quantile
from bench.rig import ModelScript, Rig, Said, free_port
from bot.app import App
from config.settings import Settings
from sandbox.limits import NO_LIMITS
from storage.stores import Stores

CHANNELS = 8
MESSAGES = 160
BURST_CHANNELS = 64
SETTLE_S, QUIET_S = 20.0, 0.05
SHORT = ModelScript(first_token_s=0.02, rate=400.0, tokens=12)
RESAMPLES = 400
GOALS = {"durability_added_ms_p50": Goal("<=", 5.0)}

Method = Callable[..., Awaitable[Any]]


class Durability:
    """Lets the writes of a running bot through, or answers them at once.

    Attributes:
        is_on: the writes are made.
        inbox_ms: how long each commit to the inbox took.
    """

    def __init__(self, stores: Stores) -> None:
        self.is_on = True
        self.inbox_ms: list[float] = []
        self._put(stores.messages, "record", "edit")
        self._put(stores.turns, "begin", "consider", "advance")
        self._put(stores.deliveries, "plan", "posting", "posted", "checkpoint", "final", "gone")

    def _put(self, store: object, *names: str) -> None:
        for name in names:
            setattr(store, name, self._either(name, getattr(store, name)))

    def _either(self, name: str, write: Method) -> Method:
        async def either(*args: Any, **options: Any) -> Any:
            if not self.is_on:
                return True
            began = time.monotonic()
            done = await write(*args, **options)
            if name == "record":
                self.inbox_ms.append(1000 * (time.monotonic() - began))
            return done

        return either


async def run(worker_host: str = "ray") -> Report:
    """Measure the delay in this process, then the throughput of a bot of its own."""
    report = Report(name="ledger", goals=GOALS)
    report.figures = await _delay() | await _throughput(worker_host)
    return report.settle()


async def _delay() -> dict[str, float]:
    async with Rig(CHANNELS, SHORT, NO_LIMITS) as rig:
        app = App(_settings(rig))
        try:
            await app.start()
            await app.parts.intake.ready.wait()
            await rig.warm_up()
            durability = Durability(app.parts.stores)
            with_writes, without = await _alternate(rig, durability)
        finally:
            await app.stop()
    low, high = _interval(with_writes, without)
    return {
        "durability_added_ms_p50": round(statistics.median(with_writes) - statistics.median(without), 2),
        "durability_added_ms_p50_low": round(low, 2),
        "durability_added_ms_p50_high": round(high, 2),
        "first_text_with_ledger_ms_p50": round(statistics.median(with_writes), 2),
        "first_text_without_ledger_ms_p50": round(statistics.median(without), 2),
        "inbox_commit_ms_p50": round(quantile(durability.inbox_ms, 0.5), 2),
        "inbox_commit_ms_p99": round(quantile(durability.inbox_ms, 0.99), 2),
    }


async def _alternate(rig: Rig, durability: Durability) -> tuple[list[float], list[float]]:
    """Return the milliseconds to the first text with and without the writes."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for number in range(MESSAGES):
        durability.is_on = number % 2 == 0
        said = rig.say(rig.channels[number // 2 % CHANNELS])
        await rig.settled([said], quiet_s=QUIET_S + SHORT.tokens / SHORT.rate, limit_s=SETTLE_S)
        found[durability.is_on].append(1000 * (rig.answers(said)[0].at - said.at))
        await asyncio.sleep(QUIET_S)
    return found[True], found[False]


def _interval(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """Return a 95 % interval of the difference of medians."""
    draw = random.Random(1)
    differences = sorted(
        statistics.median(draw.choices(ours, k=len(ours)))
        - statistics.median(draw.choices(theirs, k=len(theirs)))
        for _ in range(RESAMPLES)
    )
    return quantile(differences, 0.025), quantile(differences, 0.975)


async def _throughput(worker_host: str) -> dict[str, float]:
    async with Rig(BURST_CHANNELS, SHORT, NO_LIMITS) as rig:
        await rig.start("troupe", worker_host)
        await rig.warm_up()
        began = time.monotonic()
        said = [rig.say(channel) for channel in rig.channels]
        await rig.settled(said, quiet_s=1.5)
        return {"turns_per_s": round(len(said) / (_last_change(rig, said) - began), 1)}


def _last_change(rig: Rig, said: list[Said]) -> float:
    return max(change.at for one in said for change in rig.answers(one))


def _settings(rig: Rig) -> Settings:
    return Settings(
        discord_token=rig.address.token,
        discord_api_url=rig.address.api,
        discord_gateway_url=rig.address.gateway,
        discord_requests_per_s=0,
        llm_base_url=rig.model_url,
        llm_model="scripted-1",
        data_dir=str(rig.home / "ledger"),
        http=f"127.0.0.1:{free_port()}",
        worker_host="none",
        user_turns_per_min=0.0,
        guild_turns_per_min=0.0,
    )
