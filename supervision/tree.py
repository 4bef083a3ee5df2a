"""The live tree of supervisors and children, as data and as text."""

from collections.abc import Iterator
from typing import Literal

import msgspec

MARKS = {"up": "●", "running": "●", "starting": "◐", "stopping": "◑"}
ILL = "○"
COLOURS = {"●": "32", "◐": "33", "◑": "33", ILL: "31"}
"""SGR codes: green, yellow, red."""
FAINT = "2"
GAP = 2


class Node(msgspec.Struct, kw_only=True):
    """A supervisor or a child at one moment.

    Attributes:
        state: of a child: down, starting, up, stopping; of a supervisor also its phase.
        restarts: how often its supervisor has started it again.
        up_s: seconds since it is up.
        mailbox: unread messages, where there is a mailbox.
        work: what it is busy with.
        hidden: further children that are not shown, because there are too many.
    """

    name: str
    kind: Literal["supervisor", "child"] = "child"
    state: str = "up"
    restarts: int = 0
    up_s: float | None = None
    mailbox: int | None = None
    work: str | None = None
    children: list["Node"] = []
    hidden: int = 0


def render(root: Node, *, colours: bool = False) -> str:
    """Draw the tree, one line per node; what is told of the nodes stands in one column.

    Args:
        root: what to draw.
        colours: paint marks and lines, for a terminal.
    """
    lines = list(_lines(root, "", ""))
    width = max(len(stem) + len(title) for stem, title, _ in lines) + GAP
    return "\n".join(_drawn(*line, width, colours) for line in lines)


def _lines(node: Node, stem: str, below: str) -> Iterator[tuple[str, str, str]]:
    """Walk over the tree: what is drawn before a node, its mark and name, and what is told of it."""
    yield stem, f"{MARKS.get(node.state, ILL)} {node.name}", _facts(node)
    for number, child in enumerate(node.children, 1):
        is_last = number == len(node.children) and not node.hidden
        yield from _lines(child, below + ("└─ " if is_last else "├─ "), below + ("   " if is_last else "│  "))
    if node.hidden:
        yield below + "└─ ", f"… {node.hidden} more", ""


def _facts(node: Node) -> str:
    facts: list[str] = [] if MARKS.get(node.state) == "●" else [node.state]
    if node.up_s is not None:
        facts.append(span(node.up_s))
    if node.restarts:
        facts.append(f"{node.restarts} restart{'s' if node.restarts > 1 else ''}")
    if node.mailbox is not None:
        facts.append(f"{node.mailbox} unread")
    if node.work is not None:
        facts.append(node.work)
    return " · ".join(facts)


def _drawn(stem: str, title: str, facts: str, width: int, colours: bool) -> str:
    gap = " " * (width - len(stem) - len(title)) if facts else ""
    if not colours:
        return f"{stem}{title}{gap}{facts}"
    mark = _painted(title[0], COLOURS.get(title[0], FAINT))
    return f"{_painted(stem, FAINT)}{mark}{title[1:]}{gap}{_painted(facts, FAINT)}"


def _painted(words: str, colour: str) -> str:
    return f"\x1b[{colour}m{words}\x1b[0m" if words else ""


def span(seconds: float) -> str:
    """Return a time in the two largest units that say something."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
