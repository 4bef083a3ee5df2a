"""Being spoken to by name without an `@`: "Ada, …", "hey Ada!", "… , Ada?"."""

import re
from collections.abc import Sequence
from uuid import UUID

from actors.floor.mentions import fold
from storage.records import Personality

GREETING = (
    r"(?:(?:hey|hi|hello|ok|okay|so|and|but|well|oh|dear|thanks|thank you"
    r"|good (?:morning|evening|night))\s+)?"
)
SHORTEST_PART = 3
PARTICLES = frozenset({"the", "old", "von", "van", "der", "and", "lady", "lord", "miss", "mister", "captain"})


def addressed_by_name(text: str, roster: Sequence[Personality]) -> UUID | None:
    """Return who of the roster is spoken to by name, the first in the text if there are several."""
    said = fold(text)
    found = [(match.start(), person.id) for person in roster if (match := _vocative(said, person.name))]
    return min(found, key=lambda hit: hit[0])[1] if found else None


def is_named(text: str, person: Personality) -> bool:
    """True when the name stands anywhere in the text, addressed or merely mentioned."""
    return re.search(rf"(?<!\w){_name_pattern(person.name)}(?!\w)", fold(text)) is not None


def _vocative(said: str, name: str) -> re.Match[str] | None:
    pattern = _name_pattern(name)
    at_start = rf"^{GREETING}(?P<a>{pattern})\s*(?:[,:!?…—-]|\.|$)"
    at_end = rf",\s*(?P<b>{pattern})\s*[.!?…]*$"
    after_stop = rf"[.!?]\s+{GREETING}(?P<c>{pattern})\s*[,:!?]"
    return re.search(f"{at_start}|{at_end}|{after_stop}", said)


def _name_pattern(name: str) -> str:
    full = fold(name)
    parts = [part for part in full.split() if len(part) >= SHORTEST_PART and part not in PARTICLES]
    return "(?:" + "|".join(map(re.escape, dict.fromkeys([full, *parts]))) + ")"
