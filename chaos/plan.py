"""What happens in a loop, drawn from a seed: who says what when, and what is killed where."""

import random
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from config.trigger_points import NAMES

Victim = Literal["stage", "worker", "postgres"]
Event = Literal["asked", "posted", "edited"]
Kind = Literal["mention", "two mentions", "reply", "chatter", "burst", "edit", "delete"]
HUSH, ZUZU, SPROCKET = CHARACTERS = ("Hush", "Madame Zuzu", "Sprocket")
CHANNELS = 8
PEOPLE = 4
KINDS: tuple[Kind, ...] = get_args(Kind)
WEIGHTS = (8, 3, 3, 4, 3, 1, 1)
VISITS = {"at_token": 60, "mid_edit": 6, "before_post": 4, "after_post": 4}
"""How many visits of a place one loop makes about; the others are visited once per message or turn."""
AGAIN = 0.15
"""How often a stage is killed once more while it recovers."""


class Remark(msgspec.Struct, frozen=True):
    """Something that a person does, `at_s` seconds into the loop."""

    at_s: float
    kind: Kind
    channel: int
    person: int
    speakers: tuple[str, ...]


class Moment(msgspec.Struct, frozen=True):
    """The `count`th time that the model is asked, or that a character posts or edits."""

    event: Event
    count: int


class Loop(msgspec.Struct, frozen=True):
    """One loop.

    Attributes:
        victim: what is killed.
        triggers: where a stage kills itself; the second while it recovers from the first.
        moment: when a worker or Postgres is killed.
        away_s: seconds until it is started again.
        remarks: what people do meanwhile, in order.
    """

    number: int
    victim: Victim
    triggers: tuple[str, ...]
    moment: Moment
    away_s: float
    remarks: tuple[Remark, ...]


def draw_loop(seed: int, number: int, victims: Sequence[Victim] = get_args(Victim)) -> Loop:
    """Draw a loop; it does not depend on those before, so that each can be repeated alone."""
    draw = random.Random(f"{seed}:{number}")
    victim = draw.choice(victims)
    return Loop(
        number=number,
        victim=victim,
        triggers=tuple(_trigger(draw) for _ in range(2 if draw.random() < AGAIN else 1)),
        moment=Moment(draw.choice(get_args(Event)), draw.randint(1, 6)),
        away_s=round(draw.choice([0.0, 0.0, draw.uniform(0.0, 2.0)]), 2),
        remarks=_remarks(draw),
    )


def _trigger(draw: random.Random) -> str:
    name = draw.choice(NAMES)
    return f"{name}:kill:{draw.randint(1, VISITS.get(name, 3))}"


def _remarks(draw: random.Random) -> tuple[Remark, ...]:
    at_s, remarks = 0.0, list[Remark]()
    for _ in range(draw.randint(4, 9)):
        at_s = round(at_s + draw.choice([0.0, draw.uniform(0.0, 0.6)]), 2)
        kind = draw.choices(KINDS, WEIGHTS)[0]
        speakers = draw.sample(CHARACTERS, 2 if kind == "two mentions" else 1)
        remarks.append(Remark(at_s, kind, draw.randrange(CHANNELS), draw.randrange(PEOPLE), tuple(speakers)))
    return tuple(remarks)
