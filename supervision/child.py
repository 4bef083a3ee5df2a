"""What can be supervised: anything that starts, can be asked to stop, and has an end to wait for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import msgspec

from supervision.policy import Restart
from supervision.tree import Node


class Vitals(msgspec.Struct, frozen=True):
    """How a living child does.

    Attributes:
        mailbox: unread messages, where there is a mailbox.
        work: what it is busy with.
    """

    mailbox: int | None = None
    work: str | None = None


class Running(Protocol):
    """One incarnation of a child."""

    async def ended(self) -> BaseException | None:
        """Wait for the end; return what it failed of, or None when it ended as it should."""
        ...

    async def stop(self) -> None:
        """Ask it to end, and return when it has or when there is nothing more to ask."""
        ...

    def kill(self) -> None:
        """End it without asking."""
        ...


@runtime_checkable
class Inspectable(Protocol):
    """An incarnation that can say how it does."""

    def vitals(self) -> Vitals:
        """Look at it without disturbing it."""
        ...


@runtime_checkable
class Branching(Protocol):
    """An incarnation with a tree of its own below it, such as a supervisor."""

    def snapshot(self) -> Node | None:
        """Return that tree as it is now, or None when there is none yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """How to run a child.

    Attributes:
        name: unique among its siblings.
        start: starts an incarnation and returns when it is of use; cancelled when that takes too long.
        restart: when it is started again.
        start_timeout_s: seconds that `start` may take.
        stop_budget_s: seconds between being asked to stop and being killed.
    """

    name: str
    start: Callable[[], Awaitable[Running]]
    restart: Restart = "permanent"
    start_timeout_s: float = 10.0
    stop_budget_s: float = 5.0
