"""`troupe bench first-text`: what Troupe adds between a message and the first visible text of its answer.

Added milliseconds = (first text visible at the Discord server minus MESSAGE_CREATE put on the gateway)
minus (first token sent by the model server minus request received by it), all on one host's monotonic clock.
"""

from bench.report import Goal, Report, quantile
from bench.rig import Bot, ModelScript, Rig
from sandbox.limits import NO_LIMITS

CONCURRENT = (1, 64)
ROUNDS = {1: 40, 64: 3}
SCRIPT = ModelScript(first_token_s=0.3, rate=60.0, tokens=120)
GOALS = {
    f"added_first_text_ms_{share}_at_{streams}": Goal("<=", limit)
    for streams in CONCURRENT
    for share, limit in (("p50", 15.0), ("p99", 50.0))
}


async def run(worker_host: str = "ray") -> Report:
    """Measure Troupe and the bare bot, one after the other, on the same stand."""
    report = Report(name="first-text", goals=GOALS)
    report.figures = await _measure("troupe", worker_host)
    report.peers["bare"] = await _measure("bare", worker_host)
    report.peers["ratio_to_bare"] = {
        key: round(figure / report.peers["bare"][key], 2)
        for key, figure in report.figures.items()
        if report.peers["bare"].get(key)
    }
    return report.settle()


async def _measure(bot: Bot, worker_host: str) -> dict[str, float]:
    figures: dict[str, float] = {}
    async with Rig(max(CONCURRENT), SCRIPT, NO_LIMITS) as rig:
        await rig.start(bot, worker_host)
        await rig.warm_up()
        for streams in CONCURRENT:
            added = await _added(rig, streams, ROUNDS[streams])
            figures[f"added_first_text_ms_p50_at_{streams}"] = round(quantile(added, 0.5), 2)
            figures[f"added_first_text_ms_p99_at_{streams}"] = round(quantile(added, 0.99), 2)
    return figures


async def _added(rig: Rig, streams: int, rounds: int) -> list[float]:
    """Milliseconds added to each first text, with so many streams at once."""
    said = []
    for number in range(rounds):
        channels = [rig.channels[(number * streams + i) % len(rig.channels)] for i in range(streams)]
        batch = [rig.say(channel) for channel in channels]
        await rig.settled(batch, quiet_s=1.2)
        said += [(one, rig.answers(one)[0].at) for one in batch]
    model = await rig.model_times()
    return [
        1000 * ((visible - one.at) - (model[one.tag]["first_token_at"] - model[one.tag]["at"]))
        for one, visible in said
    ]
