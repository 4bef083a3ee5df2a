"""A bounded mailbox with a stated policy for every type of message."""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from pykka import Future, _envelope

from actors.runtime.envelope import Envelope
from actors.runtime.errors import ActorGoneError, OverloadedError
from actors.runtime.traffic import Traffic
from config import metrics

_MERGING = threading.Lock()


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


REJECTING = Rule()


@dataclass(frozen=True, slots=True)
class MailboxSpec:
    """The policy of a mailbox.

    Attributes:
        limit: unread messages it holds; None holds any number. Other threads may exceed it by as many
            messages as threads send at the same instant.
        rules: by exact type of the message.
        default: for every other type.
    """

    limit: int | None = 10_000
    rules: Mapping[type, Rule] = field(default_factory=dict[type, Rule])
    default: Rule = REJECTING

    @property
    def is_particular(self) -> bool:
        """True unless every message is refused when there is no room."""
        return bool(self.rules) or self.default is not REJECTING

    def rule(self, message: object) -> Rule:
        """Return the policy for `message`."""
        return self.rules.get(type(message), self.default)


class Reader(Protocol):
    """Whoever reads the mailbox."""

    @property
    def actor(self) -> object:
        """The actor whose mailbox it is."""
        ...

    @property
    def busy(self) -> bool:
        """It has something to do."""
        ...

    @property
    def work(self) -> str | None:
        """Type of the message that it is busy with."""
        ...

    def wake(self) -> None:
        """There is something to read; called from any thread."""
        ...

    def kill(self, error: BaseException | None = None) -> None:
        """End now, with this error; called from any thread."""
        ...

    def now(self) -> float | None:
        """Time of its loop, None before it is started; called from any thread."""
        ...


class Mailbox:
    """Unread envelopes; `put` from any thread, everything else on the loop of the actor.

    Closing is atomic: an envelope is either taken by the actor, or handed to the heir, or answered with
    `ActorGoneError`; none is lost. `put` appends and then looks whether the mailbox was closed meanwhile,
    `close` marks it closed and then empties it, and taking from a deque is atomic.

    Attributes:
        closed: nothing is accepted any more.
        awake: the reader knows that there is something to read.
        heir: takes the unread envelopes when the mailbox closes.
        traffic: measures the mail; None when nobody does.
    """

    __slots__ = (
        "_pending",
        "_producers",
        "_queue",
        "_spec",
        "_stash",
        "_urgent",
        "awake",
        "closed",
        "heir",
        "reader",
        "traffic",
    )

    def __init__(self, spec: MailboxSpec) -> None:
        self._spec = spec
        self._queue: deque[Envelope] = deque()
        self._urgent: deque[Envelope] | None = None
        self._pending: dict[Hashable, Envelope] | None = None
        self._producers: deque[asyncio.Future[None]] | None = None
        self._stash: list[Envelope] | None = None
        self.reader: Reader | None = None
        self.heir: Callable[[list[Envelope]], None] | None = None
        self.traffic: Traffic | None = None
        self.closed = False
        self.awake = True

    def __len__(self) -> int:
        return len(self._queue) + len(self._urgent or ()) + len(self._stash or ())

    def empty(self) -> bool:
        """True when there is nothing to take; what is stashed doesn't count."""
        return not self._queue and not self._urgent

    def put(self, letter: _envelope.Envelope[Any], /, *, always: bool = False) -> None:
        """Accept an envelope.

        Args:
            letter: what to accept.
            always: accept it also when the mailbox is full.

        Raises:
            OverloadedError: the mailbox is full and the policy of this type says reject.
            ActorGoneError: the mailbox is closed.
        """
        if self.closed:
            raise ActorGoneError
        envelope = letter if isinstance(letter, Envelope) else Envelope(letter.message, letter.reply_to)
        if self.traffic is not None:
            self.traffic.sent(envelope)
        always = always or envelope.own
        if self._spec.is_particular:
            if not self._put_by_rule(envelope, always):
                return
        elif self.full and not always:
            self._make_room(self._spec.default)
            self._queue.append(envelope)
        else:
            self._queue.append(envelope)
        if self.closed:  # closed by another thread in this instant
            self._bequeath(self._unread())  # type: ignore[unreachable] # mypy knows no threads
        elif not self.awake:
            self._tell_reader()

    def measure(self, traffic: Traffic) -> None:
        """Let `traffic` measure the mail from now on."""
        self.traffic = traffic
        traffic.holders.add(self)

    def _tell_reader(self) -> None:
        if not self.awake and self.reader is not None:
            self._awaken()
            self.reader.wake()

    def _awaken(self) -> None:
        self.awake = True
        if self.traffic is not None:
            self.traffic.holders.add(self)

    def rest(self) -> bool:
        """Let the next envelope wake the reader; False when there is something to take already."""
        if self._queue or self._urgent:
            return False
        if self.traffic is not None and not self._stash:
            self.traffic.holders.discard(self)
        self.awake = False
        if not self._queue and not self._urgent:
            return True
        self._awaken()  # another thread put something in this instant
        return False

    def _put_by_rule(self, envelope: Envelope, always: bool) -> bool:
        """Return False when an unread message took the new one in."""
        rule = self._spec.rule(envelope.message)
        if rule.control:
            with _MERGING:
                if self._urgent is None:
                    self._urgent = deque()
            self._urgent.append(envelope)
            return True
        if rule.overflow is Overflow.COALESCE and envelope.reply_to is None and not envelope.own:
            return self._put_or_merge(envelope, rule, always)
        if self.full and not always:
            self._make_room(rule)
        self._queue.append(envelope)
        return True

    def _put_or_merge(self, envelope: Envelope, rule: Rule, always: bool) -> bool:
        kind: type = envelope.message.__class__
        key = (kind, None if rule.key is None else rule.key(envelope.message))
        with _MERGING:
            if self._pending is None:
                self._pending = {}
            unread = self._pending.get(key)
            if unread is not None:
                unread.become(envelope)
                metrics.shed.labels("coalesced").inc()
                return False
            if self.full and not always:
                self._make_room(rule)
            envelope.key = key
            self._pending[key] = envelope
            self._queue.append(envelope)
            return True

    def _forget_key(self, envelope: Envelope) -> None:
        if envelope.key is not None and self._pending is not None:
            with _MERGING:
                self._pending.pop(envelope.key, None)
                envelope.key = None

    def _make_room(self, rule: Rule) -> None:
        if rule.overflow is Overflow.DROP_OLDEST:
            for envelope in list(self._queue):
                if not envelope.own and self._spec.rule(envelope.message).overflow is Overflow.DROP_OLDEST:
                    self._drop(envelope)
                    return
        metrics.shed.labels("rejected").inc()
        raise OverloadedError

    def _drop(self, envelope: Envelope) -> None:
        try:
            self._queue.remove(envelope)
        except ValueError:  # the actor took it in this instant, so there is room
            return
        metrics.shed.labels("dropped").inc()
        refuse(envelope, OverloadedError())

    def take(self) -> Envelope | None:
        """Return the next envelope, control messages first; None when there is none."""
        if self._urgent:
            return self._urgent.popleft()
        try:
            envelope = self._queue.popleft()
        except IndexError:
            return None
        if envelope.key is not None:
            self._forget_key(envelope)
        if self._producers:
            self._admit()
        return envelope

    def get(self) -> Envelope:
        """Return the next envelope, as Pykka's inbox protocol wants it.

        Raises:
            LookupError: there is none.
        """
        envelope = self.take()
        if envelope is None:
            raise LookupError("The mailbox is empty.")
        return envelope

    def blocks(self, message: object) -> bool:
        """True when a full mailbox makes the producer of `message` wait."""
        return self._spec.rule(message).overflow is Overflow.BLOCK

    @property
    def full(self) -> bool:
        """True when an ordinary message would find no room; what is stashed takes room, too."""
        limit = self._spec.limit
        if limit is None:
            return False
        return len(self._queue) + (0 if self._stash is None else len(self._stash)) >= limit

    @property
    def crowded(self) -> bool:
        """True when producers wait for room."""
        return bool(self._producers)

    async def room(self, first: bool) -> None:
        """Wait on the loop of the actor until there may be room, in order of arrival.

        Args:
            first: this producer has waited before and keeps its place.
        """
        if self._producers is None:
            self._producers = deque()
        waiter = asyncio.get_running_loop().create_future()
        (self._producers.appendleft if first else self._producers.append)(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # it was admitted in this instant, so the next one is
                self._admit()
            raise
        finally:
            if waiter in self._producers:
                self._producers.remove(waiter)

    def _admit(self) -> None:
        waiting = self._producers
        while waiting:
            waiter = waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def stash(self, envelope: Envelope) -> None:
        """Put an envelope aside until `unstash`."""
        envelope.stashed = True
        if self._stash is None:
            self._stash = []
        self._stash.append(envelope)

    def forget(self, envelope: Envelope) -> None:
        """Take an envelope that was put aside out, since its sender has the answer already."""
        if envelope.stashed and self._stash is not None:
            self._stash.remove(envelope)
            envelope.stashed = False
            self._admit()

    def unstash(self) -> None:
        """Bring back what was put aside, before everything else, in its order."""
        stashed, self._stash = self._stash or (), None
        for envelope in stashed:
            envelope.stashed = False
        self._queue.extendleft(reversed(stashed))
        self._tell_reader()

    def close(self) -> None:
        """Accept nothing more; hand what is unread to the heir, or answer it with `ActorGoneError`."""
        self.closed = True
        if self.traffic is not None:
            self.traffic.holders.discard(self)
        while self._producers:
            self._admit()
        self.unstash()
        self._bequeath(self._unread())

    def _unread(self) -> list[Envelope]:
        unread: list[Envelope] = []
        while (envelope := self.take()) is not None:
            unread.append(envelope)
        return unread

    def _bequeath(self, unread: list[Envelope]) -> None:
        mail = [envelope for envelope in unread if not envelope.own]
        for envelope in unread:
            if envelope.own and envelope.reply_to is not None:
                fulfil(envelope.reply_to)  # it asked to stop
        if self.heir is not None:
            self.heir(mail)
            return
        for envelope in mail:
            refuse(envelope, ActorGoneError())


def fulfil(asker: Future[Any]) -> None:
    """Answer one who asked an actor to stop, unless it has an answer."""
    with suppress(queue.Full):
        asker.set(None)


def refuse(envelope: _envelope.Envelope[Any], error: Exception) -> None:
    """Answer an envelope that nobody will handle; one without a waiting sender is counted."""
    if envelope.reply_to is None:
        metrics.shed.labels("unread").inc()
        return
    with suppress(queue.Full):  # it has an answer
        envelope.reply_to.set_exception((type(error), error, None))
