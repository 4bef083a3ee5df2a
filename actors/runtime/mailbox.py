"""The mail of one actor: nothing is lost, whatever happens to the actor."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Protocol

from pykka import _envelope

from actors.runtime.envelope import Envelope, fulfil, refuse
from actors.runtime.errors import ActorGoneError
from actors.runtime.overflow import MERGING, Block, MailboxSpec
from actors.runtime.room import Room
from actors.runtime.traffic import EACH, Traffic


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
        spec: decides what happens to a message that finds it full.
        queue: what is unread, in order.
        capacity: how much of it there may be; what is put aside takes room, too.
        urgent: what goes before it; made when something does.
        news: by key, what is in the queue and may be replaced by something newer.
        closed: nothing is accepted any more.
        awake: the reader knows that there is something to read.
        heir: takes the unread envelopes when the mailbox closes.
        traffic: measures the mail; None when nobody does.
    """

    __slots__ = (
        "_aside",
        "_room",
        "awake",
        "capacity",
        "closed",
        "heir",
        "news",
        "queue",
        "reader",
        "spec",
        "traffic",
        "urgent",
    )

    def __init__(self, spec: MailboxSpec) -> None:
        self.spec = spec
        self.queue: deque[Envelope] = deque()
        self.capacity = spec.capacity
        self.urgent: deque[Envelope] | None = None
        self.news: dict[Hashable, Envelope] | None = None
        self.reader: Reader | None = None
        self.heir: Callable[[list[Envelope]], None] | None = None
        self.traffic: Traffic | None = None
        self.closed = False
        self.awake = True
        self._aside: list[Envelope] | None = None
        self._room: Room | None = None

    def __len__(self) -> int:
        return len(self.queue) + len(self.urgent or ()) + len(self._aside or ())

    def empty(self) -> bool:
        """True when there is nothing to take; what is put aside doesn't count."""
        return not self.queue and not self.urgent

    @property
    def full(self) -> bool:
        """True when an ordinary message would find no room."""
        return len(self.queue) >= self.capacity

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
        if self.traffic is not None and not envelope.id % EACH:
            self.traffic.sent(envelope)
        kind: type = envelope.message.__class__
        policy = self.spec.policies.get(kind, self.spec.default)
        policy.admit(self, envelope, always or envelope.own)
        if self.closed:  # closed by another thread in this instant
            self._bequeath()  # type: ignore[unreachable] # mypy knows no threads
        elif not self.awake:
            self._wake()

    def measure(self, traffic: Traffic) -> None:
        """Let `traffic` measure the mail from now on."""
        self.traffic = traffic
        traffic.holders.add(self)

    def _wake(self) -> None:
        if not self.awake and self.reader is not None:
            self._awaken()
            self.reader.wake()

    def _awaken(self) -> None:
        self.awake = True
        if self.traffic is not None:
            self.traffic.holders.add(self)

    def rest(self) -> bool:
        """Let the next envelope wake the reader; False when there is something to take already."""
        if self.queue or self.urgent:
            return False
        if self.traffic is not None and not self._aside:
            self.traffic.holders.discard(self)
        self.awake = False
        if not self.queue and not self.urgent:
            return True
        self._awaken()  # another thread put something in this instant
        return False

    def take(self) -> Envelope | None:
        """Return the next envelope, control messages first; None when there is none."""
        if self.urgent:
            return self.urgent.popleft()
        try:
            envelope = self.queue.popleft()
        except IndexError:
            return None
        if envelope.key is not None:
            self._begin_news_anew(envelope)
        if self._room:
            self._room.admit()
        return envelope

    def _begin_news_anew(self, envelope: Envelope) -> None:
        with MERGING:
            if self.news is not None:
                self.news.pop(envelope.key, None)
            envelope.key = None

    def get(self) -> Envelope:
        """Return the next envelope, as Pykka's inbox protocol wants it.

        Raises:
            LookupError: there is none.
        """
        envelope = self.take()
        if envelope is None:
            raise LookupError("The mailbox is empty.")
        return envelope

    @property
    def crowded(self) -> bool:
        """True when producers wait for room."""
        return bool(self._room)

    async def room(self, message: object) -> None:
        """Wait until there may be room for `message`, if its policy is to wait; in order of arrival."""
        waited = False
        while self._must_wait(message, waited):
            if self._room is None:
                self._room = Room()
            await self._room.wait(first=waited)
            waited = True

    def _must_wait(self, message: object, waited: bool) -> bool:
        if self.closed or not isinstance(self.spec.policy(message), Block):
            return False
        return self.full or (self.crowded and not waited)

    def stash(self, envelope: Envelope) -> None:
        """Put an envelope aside until `unstash`."""
        envelope.stashed = True
        if self._aside is None:
            self._aside = []
        self._aside.append(envelope)
        self.capacity -= 1

    def forget(self, envelope: Envelope) -> None:
        """Take an envelope that was put aside out, since its sender has the answer already."""
        if envelope.stashed and self._aside is not None:
            self._aside.remove(envelope)
            envelope.stashed = False
            self.capacity += 1
            if self._room:
                self._room.admit()

    def unstash(self) -> None:
        """Bring back what was put aside, before everything else, in its order."""
        self._bring_back()
        self._wake()

    def _bring_back(self) -> None:
        aside, self._aside = self._aside or (), None
        for envelope in aside:
            envelope.stashed = False
        self.capacity = self.spec.capacity
        self.queue.extendleft(reversed(aside))

    def close(self) -> None:
        """Accept nothing more; hand what is unread to the heir, or answer it with `ActorGoneError`."""
        self.closed = True
        if self.traffic is not None:
            self.traffic.holders.discard(self)
        if self._room is not None:
            self._room.admit_all()
        self._bring_back()
        self._bequeath()

    def _bequeath(self) -> None:
        mail: list[Envelope] = []
        while (envelope := self.take()) is not None:
            if not envelope.own:
                mail.append(envelope)
            elif envelope.reply_to is not None:
                fulfil(envelope.reply_to)  # it asked to stop
        if self.heir is not None:
            self.heir(mail)
            return
        for envelope in mail:
            refuse(envelope, ActorGoneError())
