"""Speaker labels at the start of a line, such as `Ada:` or `**Ada**:`, and fragments that may become one."""

import re
from collections.abc import Iterable, Sequence

MARKS = "*_[]`> "
"""Characters that models set around a name in a label."""
MOST_MARKS = 4


def label_pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that matches a label of one of the names where a line begins."""
    any_name = "|".join(re.escape(name) for name in sorted(set(names), key=len, reverse=True) if name)
    edge = rf"[{re.escape(MARKS)}]{{0,{MOST_MARKS}}}"
    return re.compile(rf"{edge}(?:{any_name or '(?!)'}){edge}:[*_`\]]{{0,3}}", re.IGNORECASE)


def may_become_label(line: str, names: Sequence[str]) -> bool:
    """True while more text could make a label of this line's beginning."""
    body = line.lstrip(MARKS)
    if len(line) - len(body) > MOST_MARKS:
        return False
    return any(_may_become(body.casefold(), name.casefold()) for name in names)


def _may_become(body: str, name: str) -> bool:
    if name.startswith(body):
        return True
    rest = body[len(name) :]
    return body.startswith(name) and len(rest) <= MOST_MARKS and not rest.strip(MARKS)
