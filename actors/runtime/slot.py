"""One incarnation of a virtual actor, as its directory keeps it."""

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

from actors.runtime.actor import AsyncioActor
from actors.runtime.envelope import Envelope
from actors.runtime.ref import AsyncioRef
from supervision.handle import Handle
from supervision.tree import Node

K = TypeVar("K", bound=Hashable)
A = TypeVar("A", bound=AsyncioActor)


class Slot(Generic[K, A]):
    """One incarnation, until the next may start.

    Attributes:
        began_at: time of the loop, in seconds, at which it was activated.
        used_at: the same of its last message.
        quiet: it has been told that nobody writes.
        leaving: it was asked to stop, or is gone: new messages wait.
        over: it is gone.
        waiting: what waits for the next one; made when something does.
        revival: starts the next one after a delay.
    """

    __slots__ = ("began_at", "key", "leaving", "over", "quiet", "ref", "revival", "used_at", "waiting")

    def __init__(self, key: K, ref: AsyncioRef[A], began_at: float) -> None:
        self.key = key
        self.ref = ref
        self.began_at = began_at
        self.used_at = began_at
        self.quiet = False
        self.leaving = False
        self.over = False
        self.waiting: Handle[Envelope] | None = None
        self.revival: asyncio.TimerHandle | None = None

    @property
    def state(self) -> str:
        """How it stands, in the words of the tree."""
        if self.over:
            return "down"
        if self.leaving:
            return "stopping"
        return "up" if self.ref.termination.started else "starting"

    def node(self, name: str, now: float, crashes: int) -> Node:
        """Return what the tree shows.

        Args:
            name: for people.
            now: time of the loop, in seconds.
            crashes: how often actors of the key have failed.
        """
        return Node(
            name=name,
            state=self.state,
            restarts=crashes,
            up_s=None if self.over else now - self.began_at,
            mailbox=len(self.ref.mailbox) + len(self.waiting or ()),
            work=self.ref.work,
        )
