"""Loop after loop: people talk, something is killed and started again, and the promise is checked."""

import asyncio
import math
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec

from bench.report import Goal, Report
from chaos.plan import CHARACTERS, Loop, Victim, draw_loop
from chaos.rig import FINAL_S, ChaosError, Rig, WorkerHost
from chaos.script import TAG, model_s, speaker_of
from chaos.verdict import Complaint
from tests.scripted_model import Seen

STRIKE_S = 6.0
"""Seconds after the last remark after which a part is killed that has not come to its place by itself."""
WORKER_RECOVERY_S = 3.0
GOALS = {
    "messages_lost": Goal("==", 0),
    "chunks_doubled": Goal("==", 0),
    "turns_without_one_outcome": Goal("==", 0),
    "answers_wrong": Goal("==", 0),
    "errors_shown": Goal("==", 0),
    "final_s_max": Goal("<=", FINAL_S),
    "resumed_s_p50": Goal("<=", 10.0),
    "worker_recovery_s_max": Goal("<=", WORKER_RECOVERY_S),
    "loops_failed": Goal("==", 0),
}
MEASURED = frozenset({"resumed_s_p50", "worker_recovery_s_max"})
"""Figures that a short run may not come to."""


class Tally(msgspec.Struct):
    """What was done and seen."""

    kills: Counter[Victim] = msgspec.field(default_factory=Counter[Victim])
    worker_recovery_s: list[float] = []
    streams_cut_off: int = 0


class Loops:
    """Runs loops on a rig that has settled in."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.tally = Tally()

    async def run(self, loop: Loop) -> None:
        """Run one loop.

        Raises:
            ChaosError: the promise was broken.
            TimeoutError: a part did not come back.
        """
        rig = self._rig
        before = len(rig.talk.said)
        if loop.victim == "worker":
            await rig.stage.workers_joined()
        talking = asyncio.create_task(rig.talk.perform(loop.remarks))
        try:
            cut_off = await self._strike(loop, talking, before)
            killed = time.monotonic()
            await talking
        finally:
            talking.cancel()
        await rig.settled(rig.talk.said[before:])
        self._note_recovery(cut_off, killed)
        if not rig.stage.is_alive:
            raise ChaosError("The stage died by itself")

    async def _strike(self, loop: Loop, talking: asyncio.Task[None], before: int) -> list[Seen]:
        """Kill what is to be killed, when it is time, and start it again."""
        match loop.victim:
            case "stage":
                await self._strike_stage(loop, talking, before)
            case "worker":
                await _either(self._rig.board.wait(loop.moment), talking)
                self.tally.kills["worker"] += 1
                return await self._rig.kill_worker()
            case "postgres":
                await _either(self._rig.board.wait(loop.moment), talking)
                self.tally.kills["postgres"] += 1
                await self._rig.postgres.kill()
                await asyncio.sleep(loop.away_s)
                await self._rig.postgres.start()
        return []

    async def _strike_stage(self, loop: Loop, talking: asyncio.Task[None], before: int) -> None:
        rig = self._rig
        first, *again = loop.triggers
        rig.stage.arm(first)
        await _either(rig.stage.died(FINAL_S), talking)
        for trigger in [*again, ""]:
            await rig.stage.kill()
            self._expect_a_kill(await rig.stage.died())
            await asyncio.sleep(loop.away_s)
            await rig.restart(rig.talk.said[before:], trigger)
            if trigger:
                await _either(rig.stage.died(FINAL_S), talking)

    def _expect_a_kill(self, code: int) -> None:
        self.tally.kills["stage"] += 1
        if code != -signal.SIGKILL:
            raise ChaosError(f"The stage ended by itself with exit code {code}")

    def _note_recovery(self, cut_off: Sequence[Seen], killed: float) -> None:
        """Note how much later answers of a killed worker were complete than the model alone makes them."""
        self.tally.streams_cut_off += len(cut_off)
        for seen in cut_off:
            tag, speaker = TAG.findall(str(seen.body))[-1], speaker_of(seen.body, CHARACTERS)
            shown = self._rig.board.answer(speaker or "", tag)
            ends = [one.changed_at[-1] for one in shown if one.changed_at[-1] > killed]
            if ends:
                self.tally.worker_recovery_s.append(max(0.0, max(ends) - killed - model_s(tag)))


async def _either(awaited: Coroutine[Any, Any, object], talking: asyncio.Task[None]) -> None:
    """Wait for something, but not much longer than people talk."""
    waiting = asyncio.ensure_future(awaited)
    try:
        await asyncio.wait({waiting, talking}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({waiting}, timeout=STRIKE_S)
    finally:
        waiting.cancel()
        await asyncio.wait({waiting})


async def run_loops(
    seed: int, loops: range, worker_host: WorkerHost, victims: Sequence[Victim], within_s: float = math.inf
) -> Report:
    """Run loops until one fails or the time is over; a failure keeps its folder."""
    began = time.monotonic()
    async with Rig(worker_host) as rig:
        run, broken, done = Loops(rig), list[str](), 0
        await rig.settle_in()
        for number in loops:
            if time.monotonic() - began > within_s:
                break
            loop = draw_loop(seed, number, victims)
            try:
                await run.run(loop)
            except (ChaosError, TimeoutError) as error:
                broken.append(f"loop {number}: {error or type(error).__name__}")
                break
            done += 1
            _tell(f"loop {number} {loop.victim:8} right {rig.final_s[-1]:.1f} s after the last restart")
        wrong = await rig.complaints()
        rig.keep = bool(broken or wrong)
        if rig.keep:
            _tell(f"everything is kept in {rig.home}; repeat with --seed {seed} --first {loops[0] + done}")
        return _report(rig, run.tally, done, wrong, broken, time.monotonic() - began)


def _report(
    rig: Rig, tally: Tally, done: int, wrong: Sequence[Complaint], broken: Sequence[str], took_s: float
) -> Report:
    counts = Counter(one.wrong for one in wrong)
    figures = {
        "loops": done,
        "messages": len(rig.talk.said),
        "streams_cut_off": tally.streams_cut_off,
        "messages_lost": counts["lost"],
        "chunks_doubled": counts["doubled"],
        "turns_without_one_outcome": counts["outcome"] + counts["not final"],
        "answers_wrong": counts["text"],
        "errors_shown": counts["unexplained"],
        "loops_failed": len(broken),
        "final_s_max": max(rig.final_s),
        "final_s_p50": statistics.median(rig.final_s),
        "seconds_per_loop": took_s / max(1, done),
    }
    figures |= {f"kills_of_{victim}": count for victim, count in sorted(tally.kills.items())}
    if rig.resumed_s:
        figures["resumed_s_p50"] = statistics.median(rig.resumed_s)
    if tally.worker_recovery_s:
        figures["worker_recovery_s_max"] = max(tally.worker_recovery_s)
    goals = {key: goal for key, goal in GOALS.items() if key in figures or key not in MEASURED}
    report = Report(
        name="chaos", figures={key: round(value, 3) for key, value in figures.items()}, goals=goals
    )
    report.settle()
    report.misses += [*broken, *(f"{one.wrong}: {one.what}" for one in wrong[:50])]
    return report


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
