"""The live tree of supervisors and children, as data and as text."""

from collections.abc import Iterator
from typing import Literal

import msgspec


class Node(msgspec.Struct, kw_only=True):
    """A supervisor or a child at one moment.

    Attributes:
        state: of a child: down, starting, up, stopping; of a supervisor also its phase.
        restarts: how often its supervisor has started it again.
        up_s: seconds since it is up.
        mailbox: unread messages, where there is a mailbox.
        work: what it is busy with.
    """

    name: str
    kind: Literal["supervisor", "child"] = "child"
    state: str = "up"
    restarts: int = 0
    up_s: float | None = None
    mailbox: int | None = None
    work: str | None = None
    children: list["Node"] = []


def render(root: Node) -> str:
    """Draw the tree, one line per node."""
    return "\n".join([_line(root), *_branches(root, "")])


def _branches(node: Node, indent: str) -> Iterator[str]:
    for number, child in enumerate(node.children, 1):
        last = number == len(node.children)
        yield f"{indent}{'└─ ' if last else '├─ '}{_line(child)}"
        yield from _branches(child, indent + ("   " if last else "│  "))


def _line(node: Node) -> str:
    facts = [node.state]
    if node.up_s is not None:
        facts.append(f"for {_span(node.up_s)}")
    if node.restarts:
        facts.append(f"{node.restarts} restart{'s' if node.restarts > 1 else ''}")
    if node.mailbox is not None:
        facts.append(f"{node.mailbox} unread")
    if node.work is not None:
        facts.append(f"at {node.work}")
    return f"{node.name}  {' · '.join(facts)}"


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
