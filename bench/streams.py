"""`troupe bench streams`: many long answers at once: CPU, edits, 429s, smoothness, lost words."""

from itertools import pairwise

from bench.report import Goal, Report, quantile
from bench.rig import Bot, ModelScript, Rig, Said
from sandbox.limits import Limits
from tests.scripted_model import words

TOKENS = 300
SCRIPT = ModelScript(first_token_s=0.2, rate=60.0, tokens=TOKENS)
STREAMS = (64, 128, 256)
ANNOUNCED = Limits(global_=None, hidden_webhook_channel=None)
"""Only limits that headers announce."""
EVERY = Limits()
"""Also the global one and the hidden one per channel."""
EDIT_INTERVAL_S = 1.0
"""What five edits per five seconds allow."""
GOALS = {
    "cpu_s_per_1k_tokens_at_64": Goal("<=", 0.10),
    "avoidable_429s_at_64": Goal("==", 0),
    "longest_standstill_s_at_64": Goal("<=", 2 * EDIT_INTERVAL_S),
    "final_lag_s_at_64": Goal("<=", EDIT_INTERVAL_S),
    "incomplete_texts_at_64": Goal("==", 0),
    "incomplete_texts_at_256": Goal("==", 0),
    "all_limits_incomplete_texts_at_64": Goal("==", 0),
}


async def run(worker_host: str = "ray") -> Report:
    """Measure Troupe and the bare bot, with announced limits only and with all of them."""
    report = Report(name="streams", goals=GOALS)
    report.figures = await _measure("troupe", worker_host)
    report.peers["bare"] = await _measure("bare", worker_host)
    return report.settle()


async def _measure(bot: Bot, worker_host: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    for prefix, limits, sizes in (("", ANNOUNCED, STREAMS), ("all_limits_", EVERY, STREAMS[:1])):
        async with Rig(max(sizes), SCRIPT, limits) as rig:
            await rig.start(bot, worker_host)
            await rig.warm_up()
            for streams in sizes:
                found = await _round(rig, streams)
                figures |= {f"{prefix}{key}_at_{streams}": value for key, value in found.items()}
    return figures


async def _round(rig: Rig, streams: int) -> dict[str, float]:
    before, refused = rig.cpu_seconds(), _refused(rig)
    said = [rig.say(channel) for channel in rig.channels[:streams]]
    await rig.settled(said, quiet_s=8.0)
    after, model = rig.cpu_seconds(), await rig.model_times()
    thousands = streams * TOKENS / 1000
    spent = {part: (after[part] - before[part]) / thousands for part in after}
    lags = [rig.answers(one)[-1].at - model[one.tag]["ended_at"] for one in said]
    return {
        "cpu_s_per_1k_tokens": round(spent["stage"] + spent["workers"], 4),
        "stage_cpu_s_per_1k_tokens": round(spent["stage"], 4),
        "workers_cpu_s_per_1k_tokens": round(spent["workers"], 4),
        "rest_cpu_s_per_1k_tokens": round(spent["rest"], 4),
        "edits": float(sum(len(rig.answers(one)) - 1 for one in said)),
        "avoidable_429s": float(_refused(rig) - refused),
        "longest_standstill_s": round(max(_standstill(rig, one) for one in said), 2),
        "final_lag_s": round(max(lags), 2),
        "final_lag_s_p50": round(quantile(lags, 0.5), 2),
        "incomplete_texts": float(sum(not _complete(rig, one) for one in said)),
    }


def _refused(rig: Rig) -> int:
    return sum(count for (_, status), count in rig.sandbox.ledger.counts.items() if status == 429)


def _standstill(rig: Rig, said: Said) -> float:
    times = [change.at for change in rig.answers(said)]
    return max((after - before for before, after in pairwise(times)), default=0.0)


def _complete(rig: Rig, said: Said) -> bool:
    """True when the visible messages together hold every word of the model, in order."""
    final = {change.message_id: change.text for change in rig.answers(said)}
    visible = " ".join(final[message_id] for message_id in sorted(final)).split()
    return visible == "".join(words(TOKENS)).split()
