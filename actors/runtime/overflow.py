"""What happens to a message that finds the mailbox full: one policy for every type of message."""

import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from actors.runtime.envelope import Envelope, refuse
from actors.runtime.errors import OverloadedError
from config import metrics

if TYPE_CHECKING:
    from actors.runtime.mailbox import Mailbox

MERGING = threading.Lock()
"""Held while newer news take the place of older ones, and while those are taken."""


class Overflow(Enum):
    """What happens to a message that finds the mailbox full."""

    REJECT = "reject"
    """The sender gets `OverloadedError`."""
    DROP_OLDEST = "drop_oldest"
    """The oldest unread message of a type with this policy is given up for it."""
    COALESCE = "coalesce"
    """A tell replaces the unread one with the same key, full or not, and keeps its place in the queue."""
    BLOCK = "block"
    """`await ref.send(...)` waits for room; a plain `tell` is rejected."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The policy for one type of message.

    Attributes:
        overflow: what happens when the mailbox is full.
        key: for `COALESCE`: which messages stand for the same thing; by default all of the type.
        control: the message goes before all others and is never refused.
    """

    overflow: Overflow = Overflow.REJECT
    key: Callable[[Any], Hashable] | None = None
    control: bool = False


class Reject:
    """Refuses what finds no room; the others differ in what they do instead."""

    def admit(self, mailbox: "Mailbox", newcomer: Envelope, always: bool) -> None:
        """Put a message into the mailbox.

        Args:
            mailbox: where to.
            newcomer: what.
            always: also when there is no room.

        Raises:
            OverloadedError: there is none.
        """
        queue = mailbox.queue
        if len(queue) >= mailbox.capacity and not always:
            self.make_room(mailbox)
        queue.append(newcomer)

    def make_room(self, mailbox: "Mailbox") -> None:  # noqa: ARG002 - others look at it
        """Give something up, or raise `OverloadedError`."""
        metrics.shed.labels("rejected").inc()
        raise OverloadedError


class Block(Reject):
    """Refuses as well, and lets producers wait that are patient."""


class DropOldest(Reject):
    """Gives the oldest message of its kind up."""

    @override
    def make_room(self, mailbox: "Mailbox") -> None:
        for envelope in list(mailbox.queue):
            if not envelope.own and isinstance(mailbox.spec.policy(envelope.message), DropOldest):
                _drop(mailbox, envelope)
                return
        super().make_room(mailbox)


def _drop(mailbox: "Mailbox", envelope: Envelope) -> None:
    try:
        mailbox.queue.remove(envelope)
    except ValueError:  # the actor took it in this instant, so there is room
        return
    metrics.shed.labels("dropped").inc()
    refuse(envelope, OverloadedError())


class Coalesce(Reject):
    """Lets a tell take the place of the unread one that stands for the same thing."""

    def __init__(self, key: Callable[[Any], Hashable] | None) -> None:
        self._key = key

    @override
    def admit(self, mailbox: "Mailbox", newcomer: Envelope, always: bool) -> None:
        if newcomer.own or newcomer.reply_to is not None:
            super().admit(mailbox, newcomer, always)
            return
        kind: type = newcomer.message.__class__
        key = (kind, None if self._key is None else self._key(newcomer.message))
        with MERGING:
            if mailbox.news is None:
                mailbox.news = {}
            older = mailbox.news.get(key)
            if older is not None:
                older.become(newcomer)
                metrics.shed.labels("coalesced").inc()
                return
            if not always and mailbox.full:
                self.make_room(mailbox)
            newcomer.key = key
            mailbox.news[key] = newcomer
            mailbox.queue.append(newcomer)


class Control(Reject):
    """Puts a message before all others."""

    @override
    def admit(self, mailbox: "Mailbox", newcomer: Envelope, always: bool) -> None:
        with MERGING:
            if mailbox.urgent is None:
                mailbox.urgent = deque()
        mailbox.urgent.append(newcomer)


def _policy(rule: Rule) -> Reject:
    if rule.control:
        return Control()
    match rule.overflow:
        case Overflow.REJECT:
            return Reject()
        case Overflow.DROP_OLDEST:
            return DropOldest()
        case Overflow.COALESCE:
            return Coalesce(rule.key)
        case Overflow.BLOCK:
            return Block()


class MailboxSpec:
    """The policies of the mailboxes of a class of actors.

    Attributes:
        limit: unread messages that a mailbox holds; None for any number.
        capacity: the same as a number.
        policies: by exact type of the message.
        default: for every other type.
    """

    __slots__ = ("capacity", "default", "limit", "policies")

    def __init__(
        self,
        limit: int | None = 10_000,
        rules: Mapping[type, Rule] | None = None,
        default: Rule | None = None,
    ) -> None:
        """State the policies.

        Args:
            limit: unread messages that a mailbox holds; None for any number. Other threads may exceed it by
                as many messages as threads send at the same instant.
            rules: by exact type of the message.
            default: for every other type; by default the message is refused.
        """
        self.limit = limit
        self.capacity: float = inf if limit is None else limit
        self.policies = {kind: _policy(rule) for kind, rule in (rules or {}).items()}
        self.default = _policy(default or Rule())

    def policy(self, message: object) -> Reject:
        """Return the policy for `message`."""
        return self.policies.get(type(message), self.default)
