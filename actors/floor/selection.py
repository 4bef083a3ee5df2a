"""Choosing who answers: those addressed, else spoken to by name, else the partner, else a weighted draw."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

import msgspec

from actors.floor.vocative import addressed_by_name, is_named
from storage.records import Message, Personality

MAX_SPEAKERS = 5
FOLLOW_UP = timedelta(minutes=5)
NAMED_WEIGHT = 3.0

Why = Literal["addressed", "vocative", "partner", "drawn", "nobody"]


class Choice(msgspec.Struct, frozen=True):
    """Who answers, in order, why, and who was addressed beyond the cap."""

    speakers: tuple[UUID, ...] = ()
    why: Why = "nobody"
    left_out: tuple[UUID, ...] = ()

    @property
    def is_direct(self) -> bool:
        """True when somebody was called: by reply, by `@name` or by name."""
        return self.why in {"addressed", "vocative"}


def choose(
    message: Message,
    addressed: Sequence[UUID],
    roster: Sequence[Personality],
    log: Sequence[Message],
    draw: Callable[[], float],
    engaged: UUID | None = None,
) -> Choice:
    """Decide who answers `message`.

    Args:
        message: what a person said.
        addressed: those meant by reply or `@name`, in order; they may stand outside the roster.
        roster: the characters present.
        log: the transcript, oldest first; `message` itself may be in it.
        draw: a random number in [0, 1).
        engaged: who is answering this author at this moment.
    """
    if addressed:
        order = tuple(dict.fromkeys(addressed))
        return Choice(order[:MAX_SPEAKERS], "addressed", order[MAX_SPEAKERS:])
    if (named := addressed_by_name(message.text, roster)) is not None:
        return Choice((named,), "vocative")
    is_present = any(person.id == engaged for person in roster)
    partner = engaged if is_present else conversation_partner(message, roster, log)
    if partner is not None:
        return Choice((partner,), "partner")
    drawn = weighted_draw(message, roster, log, draw)
    return Choice() if drawn is None else Choice((drawn,), "drawn")


def conversation_partner(
    message: Message, roster: Sequence[Personality], log: Sequence[Message]
) -> UUID | None:
    """Return the character that last answered this author, if it is present and that was lately.

    A delivered reply names in `reply_to` the message it answers.
    """
    own = {said.id for said in log if said.author.id == message.author.id and said.personality_id is None}
    answers = (said for said in reversed(log) if said.reply_to in own and said.personality_id is not None)
    last = next(answers, None)
    if last is None or message.created_at - last.created_at > FOLLOW_UP:
        return None
    return last.personality_id if any(person.id == last.personality_id for person in roster) else None


def weighted_draw(
    message: Message, roster: Sequence[Personality], log: Sequence[Message], draw: Callable[[], float]
) -> UUID | None:
    """Draw one by talkativeness and recency; a mere mention raises the weight. Nobody talkative: None."""
    spoken = tuple(dict.fromkeys(said.personality_id for said in reversed(log) if said.personality_id))
    weighed = [(person.id, _weight(person, message.text, spoken)) for person in roster]
    weighed = [(who, weight) for who, weight in weighed if weight > 0]
    mark = draw() * sum(weight for _, weight in weighed)
    for who, weight in weighed:
        mark -= weight
        if mark < 0:
            return who
    return weighed[-1][0] if weighed else None


def _weight(person: Personality, text: str, spoken: Sequence[UUID]) -> float:
    recency = 1 / (1 + spoken.index(person.id)) if person.id in spoken else 0.0
    named = NAMED_WEIGHT if is_named(text, person) else 1.0
    return max(person.talkativeness, 0.0) * (1 + recency) * named
