"""What a personality says when it cannot answer: in its voice, with a reference for the operator."""

from uuid import UUID

from config.errors import TroupeError
from storage.records import Personality

LONGEST_NOTICE = 500
OWN_WORDS = "*{name} opens their mouth, but nothing comes out.*"


def reference(turn_id: UUID) -> str:
    """Return the short id by which a person and the logs name a turn."""
    return turn_id.hex[:6]


def error_notice(speaker: Personality, error: TroupeError, turn_id: UUID, note: str | None = None) -> str:
    """Return a whole message for a turn without an answer: own words, the cause, the reference, a note."""
    words = speaker.error_message.strip() or OWN_WORDS.format(name=speaker.name)
    return f"{words[:LONGEST_NOTICE]}\n-# {_noted(cause(error, turn_id), note)}"


def cause(error: TroupeError, turn_id: UUID) -> str:
    """Return one line of small print: what went wrong, for a person, and the reference."""
    return f"{error.user_message} · ref: {reference(turn_id)}"


def broken_off(error: TroupeError, turn_id: UUID, note: str | None = None) -> str:
    """Return the small print below an answer that stays unfinished."""
    return _noted(f"broken off: {cause(error, turn_id)}", note)


def interrupted(turn_id: UUID) -> str:
    """Return the small print below an answer that was cut off and cannot be gone on with."""
    return f"interrupted · ref: {reference(turn_id)}"


def left(speaker: Personality) -> str:
    """Return the small print below an answer whose speaker was taken away."""
    return f"{speaker.name} has left the conversation"


def _noted(small_print: str, note: str | None) -> str:
    return small_print if note is None else f"{small_print} · {note}"
