"""`troupe bench first-text`: what Troupe adds between a message and the first visible text of its answer.

Added milliseconds = (first text visible at the Discord server minus MESSAGE_CREATE put on the gateway)
minus (first token sent by the model server minus request received by it), all on one host's monotonic clock.
"""

import asyncio

from bench.report import Goal, Report, quantile
from bench.rig import Bot, ModelScript, Rig, Said
from sandbox.limits import NO_LIMITS

CONCURRENT = (1, 64)
ROUNDS = {1: 30, 64: 4}
SCRIPT = ModelScript(first_token_s=0.3, rate=60.0, tokens=120)
ANSWER_S = SCRIPT.first_token_s + SCRIPT.tokens / SCRIPT.rate
QUIET_S = 1.2
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
    async with Rig(2 * max(CONCURRENT), SCRIPT, NO_LIMITS) as rig:
        await rig.start(bot, worker_host)
        await rig.warm_up()
        for streams in CONCURRENT:
            added = await _added(rig, streams, ROUNDS[streams])
            figures[f"added_first_text_ms_p50_at_{streams}"] = round(quantile(added, 0.5), 2)
            figures[f"added_first_text_ms_p99_at_{streams}"] = round(quantile(added, 0.99), 2)
    return figures


async def _added(rig: Rig, streams: int, rounds: int) -> list[float]:
    """Milliseconds added to each first text, while so many streams are in flight.

    Messages come evenly spread over the length of an answer, so that each meets the others in full flow;
    rounds alternate between two halves of the channels, so that none finds its character still speaking.
    """
    said: list[Said] = []
    for number in range(rounds):
        half = number % 2 * max(CONCURRENT)
        for channel in rig.channels[half : half + streams]:
            said.append(rig.say(channel))
            await asyncio.sleep(ANSWER_S / streams)
        if streams == 1:
            await rig.settled(said[-1:], quiet_s=QUIET_S)
    await rig.settled(said, quiet_s=QUIET_S)
    model = await rig.model_times()
    return [
        1000 * ((rig.answers(one)[0].at - one.at) - (model[one.tag]["first_token_at"] - model[one.tag]["at"]))
        for one in said
    ]
