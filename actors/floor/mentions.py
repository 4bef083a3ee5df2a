"""Finding `@Name` in text: which names may be meant, in textual order."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from uuid import UUID

MAX_POSITIONS = 10
MAX_WORDS = 4
LONGEST_NAME = 100

SMART_QUOTES = str.maketrans("‘’“”", "''\"\"")  # noqa: RUF001 - the very characters to replace
TRAILING = re.compile(r"""[.,!?;:)"'*_~|`]{1,16}$""")
TRAILING_BUT_PERIOD = re.compile(r"""[,!?;:)"'*_~|`]{1,16}$""")
GLUED = re.compile(r"[—–/\\(\[{<>…].*$")  # noqa: RUF001 - an en dash may stand behind a name
NUMERIC = re.compile(r"[&#!]?\d+>?")
POSSESSIVE = "'s"

Candidates = tuple[str, ...]
"""The names that one `@` may mean, best first."""


def fold(name: str) -> str:
    """Return the form in which names are compared: no case, plain quotes, single spaces."""
    plain = unicodedata.normalize("NFKC", name).translate(SMART_QUOTES)
    return " ".join(plain.casefold().split())


def find_mentions(text: str) -> tuple[Candidates, ...]:
    """Return for each `@` (the first ten) the folded names it may mean, longest first, up to four words."""
    positions = [index for index, char in enumerate(text) if char == "@"][:MAX_POSITIONS]
    found = (_candidates(text[position + 1 :]) for position in positions)
    return tuple(candidates for candidates in found if candidates)


def resolve(mentions: Iterable[Candidates], names: Mapping[str, UUID]) -> tuple[UUID, ...]:
    """Return who is meant, in textual order, each once.

    A position that means someone already named does not fall back to a shorter name.

    Args:
        mentions: what `find_mentions` returned.
        names: folded name to personality.
    """
    meant = (next((names[name] for name in candidates if name in names), None) for candidates in mentions)
    return tuple(dict.fromkeys(who for who in meant if who is not None))


def without_mentions(text: str, names: Iterable[str]) -> str:
    """Return what is said beside the `@Name`s themselves; empty when a message only calls."""
    left = unicodedata.normalize("NFKC", text).translate(SMART_QUOTES)
    for name in sorted(names, key=len, reverse=True):
        left = re.sub("@" + r"\s+".join(map(re.escape, name.split())), " ", left, flags=re.IGNORECASE)
    return left.strip(" \t\n.,!?;:…")


def _candidates(rest: str) -> Candidates:
    if rest[:1].isspace():
        return ()
    line = rest[: LONGEST_NAME * 2].split("\n", 1)[0].split("@", 1)[0]
    words = line.split()[:MAX_WORDS]
    tries = (" ".join(words[:count]) for count in range(len(words), 0, -1))
    return tuple(dict.fromkeys(name for words in tries for name in _variants(words)))


def _variants(words: str) -> list[str]:
    plain = fold(words)
    stripped = [plain, TRAILING_BUT_PERIOD.sub("", plain), TRAILING.sub("", plain), GLUED.sub("", plain)]
    owned = [form.removesuffix(POSSESSIVE) for form in stripped]
    return [form for form in (*stripped, *owned) if _is_name(form)]


def _is_name(form: str) -> bool:
    return bool(form) and len(form) <= LONGEST_NAME and NUMERIC.fullmatch(form) is None
