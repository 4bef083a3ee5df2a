"""What a personality is told when it speaks, as typed parts that no renderer may lose."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from actors.context.labels import Labels
from actors.floor.mentions import without_mentions
from storage.records import Attachment, Message, Personality, Venue

EXCERPT = 80


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the log. `own`: the speaker of the plan said it; `quotes`: what it replies to."""

    id: int
    label: str
    own: bool
    text: str
    at: datetime
    edited: bool = False
    quotes: str = ""
    files: tuple[str, ...] = ()

    @property
    def body(self) -> str:
        """Text and files as a reader sees them."""
        return "\n".join(part for part in (self.text, *self.files) if part)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks."""

    label: str
    who: str
    speech: str
    first_message: str
    examples: tuple[tuple[str, str], ...]


class Current(msgspec.Struct, frozen=True, kw_only=True):
    """What is being answered: the lines, who wrote them, and whether they only call the speaker."""

    lines: tuple[Line, ...]
    label: str
    only_calls: bool


class ContextPlan(msgspec.Struct, frozen=True, kw_only=True):
    """All parts, stable ones first. `company` names the other characters, `people` the log's humans."""

    identity: Identity
    venue: Venue
    company: tuple[str, ...]
    people: tuple[str, ...]
    log: tuple[Line, ...]
    current: Current
    now: datetime


def make_plan(
    speaker: Personality,
    roster: Sequence[Personality],
    window: Sequence[Message],
    answering: Sequence[Message],
    now: datetime,
) -> ContextPlan:
    """Gather what `speaker` hears before it speaks.

    Args:
        speaker: who is going to speak; it need not be in the roster.
        roster: the characters present in the channel.
        window: the transcript, oldest first.
        answering: the messages of this turn, at least one; added to the log if the window lost them.
        now: the time of the turn.
    """
    log = sorted({said.id: said for said in (*answering, *window)}.values(), key=lambda said: said.id)
    labels = Labels([speaker, *roster], log)
    by_id = {said.id: said for said in log}
    lines = {said.id: _line(said, speaker.id, labels, by_id) for said in log}
    return ContextPlan(
        identity=_identity(speaker, labels.of(speaker)),
        venue=answering[-1].venue,
        company=tuple(labels.of(person) for person in roster if person.id != speaker.id),
        people=labels.people,
        log=tuple(lines.values()),
        current=Current(
            lines=tuple(lines[said.id] for said in answering),
            label=labels.of_author(answering[-1]),
            only_calls=_only_calls(answering, speaker),
        ),
        now=now,
    )


def _identity(speaker: Personality, label: str) -> Identity:
    return Identity(
        label=label,
        who=speaker.who,
        speech=speaker.speech,
        first_message=speaker.first_message,
        examples=speaker.examples,
    )


def describe(file: Attachment) -> str:
    """Return a file as words: its kind and its name."""
    kind = (file.content_type or "file").split("/")[0]
    return f"[{kind if kind in ('image', 'audio', 'video') else 'file'}: {file.filename}]"


def _line(said: Message, speaker_id: UUID, labels: Labels, by_id: dict[int, Message]) -> Line:
    own = said.personality_id == speaker_id
    quoted = by_id.get(said.reply_to or 0) if said.personality_id is None else None
    return Line(
        id=said.id,
        label=labels.of_author(said),
        own=own,
        text=said.text,
        at=said.created_at,
        edited=said.edited_at is not None and said.personality_id is None,
        quotes=f"{labels.of_author(quoted)}: {_excerpt(quoted.text)}" if quoted else "",
        files=tuple(describe(file) for file in said.attachments),
    )


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= EXCERPT else flat[: EXCERPT - 1].rstrip() + "…"


def _only_calls(answering: Sequence[Message], speaker: Personality) -> bool:
    if any(said.attachments for said in answering):
        return False
    return not any(without_mentions(said.text, [speaker.name]) for said in answering)
