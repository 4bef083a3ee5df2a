"""Far more than there is room for: who was called is heard, chatter waits or is given up, and counted."""

import asyncio

import msgspec
import pytest

from actors.channel.silence import NO_ROOM, SHED, WAITED
from config import metrics
from sandbox.limits import NO_LIMITS
from tests.faults.house import SETTLE_S, House

pytestmark = pytest.mark.discord

AT_ONCE = 2
CHANNELS = 10
"""In each somebody is called and somebody chatters: ten times as many turns as there is room for at once."""


async def chatter(house: House, channels: list[int]) -> list[int]:
    """Let a person say something to nobody everywhere; return the messages."""
    return [
        int(house.person(1).send(channel, f"what a night q9{channel % 10000:04d}q")["id"])
        for channel in channels
    ]


async def ends(house: House, messages: list[int]) -> list[tuple[str, str | None]]:
    """Return how the turns on messages have ended, once all have."""
    async with asyncio.timeout(SETTLE_S):
        while True:
            turns = {key[0]: turn for key, turn in (await house.turns()).items()}
            found = [turns[message] for message in messages if message in turns]
            if len(found) == len(messages) and all(turn["state"] in {"done", "silent"} for turn in found):
                return [(turn["state"], turn["reason"]) for turn in found]
            await asyncio.sleep(0.03)


async def test_a_tenfold_burst_gives_up_chatter_alone_and_counts_it(own_house: House) -> None:
    own_house.sandbox.limiter.limits = NO_LIMITS
    settings = msgspec.structs.replace(
        own_house.settings, turns_at_once=AT_ONCE, turns_waiting=3, chatter_wait_s=1.0, settle_s=0.0
    )
    app = await own_house.start(settings)
    zuzu = next(person for person in app.parts.starters if person.slug == "madame-zuzu")
    scene = own_house.scene(CHANNELS)
    for channel in scene.channels:
        await own_house.stores.rosters.add(channel, zuzu.id)
    labels = [metrics.shed.labels(SHED[reason]) for reason in (WAITED, NO_ROOM)]
    before = sum(label._value.get() for label in labels)

    scene.speak()
    said = await chatter(own_house, scene.channels)

    called = await scene.outcomes()
    uncalled = await ends(own_house, said)
    given_up = [reason for state, reason in uncalled if state == "silent"]
    assert {state for state, _ in called} == {"done"}
    assert given_up
    assert set(given_up) <= {WAITED, NO_ROOM}
    assert sum(label._value.get() for label in labels) - before == len(given_up)
