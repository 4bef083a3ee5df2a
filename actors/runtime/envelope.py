"""The envelope around a message: who waits for the answer, until when, and on whose behalf."""

import itertools
import queue
from collections.abc import Hashable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

from opentelemetry.context import get_current
from opentelemetry.trace import INVALID_SPAN, get_current_span
from pykka import Future
from pykka._envelope import Envelope as PykkaEnvelope
from pykka.messages import _ActorStop  # pyright: ignore[reportPrivateUsage] - it has no public name

from config import metrics
from config.telemetry import Carrier, carrier

NO_TRACE: Carrier = {}
_ids = itertools.count(1)


class Envelope(PykkaEnvelope[Any]):
    """A message on its way.

    Attributes:
        id: number of this envelope in this process.
        cause: id of the envelope whose handling sent this one; 0 when it came from outside.
        chain: urns of the actors that wait for the answer inside their handlers, nearest last.
        own: it is for one incarnation and ends with it, such as what a child task tells its actor; never
            refused, dropped or handed on, and not repeated when the actor fails of it.
        deadline: time of the receiver's loop, in seconds, after which the message is not worth handling.
        trace: trace context of the sender; empty when nothing is sampled.
        deaths: how many actors failed while handling it.
        key: set while the message may be replaced by a newer one of the same key.
        stashed: the receiver put it aside; it is answered when it is handled again.
        since: time in seconds at which it began to wait, or to be handled; None unless `Traffic` times it.
    """

    __slots__ = ("cause", "chain", "deadline", "deaths", "id", "key", "own", "since", "stashed", "trace")

    def __init__(
        self,
        message: Any,
        reply_to: Future[Any] | None = None,
        deadline: float | None = None,
        *,
        own: bool = False,
    ) -> None:
        self.message = message
        self.reply_to = reply_to
        self.deadline = deadline
        self.own = own or type(message) in OWN
        self.id = next(_ids)
        self.deaths = 0
        self.key: Hashable = None
        self.stashed = False
        self.since: float | None = None
        self.trace = carrier() if get_current() and get_current_span() is not INVALID_SPAN else NO_TRACE
        scope = CURRENT.get()
        if scope is None or scope.envelope is None:
            self.cause = 0
            self.chain: tuple[str, ...] = ()
        else:
            self.cause = scope.envelope.id
            self.chain = () if reply_to is None else scope.askers
            self._inherit(scope.envelope.deadline)

    def become(self, newer: "Envelope") -> None:
        """Take over everything of a newer one that nobody waits for, and keep the place in the queue."""
        self.message = newer.message
        self.id = newer.id
        self.cause = newer.cause
        self.deadline = newer.deadline
        self.trace = newer.trace
        self.deaths = newer.deaths
        self.since = newer.since

    def _inherit(self, deadline: float | None) -> None:
        """An ask made on behalf of another can't take longer than that one."""
        if deadline is not None and self.reply_to is not None:
            self.deadline = deadline if self.deadline is None else min(deadline, self.deadline)


class Scope(Protocol):
    """The code that runs: a handler of an actor, or a child task of one."""

    @property
    def envelope(self) -> Envelope | None:
        """The message on whose behalf it runs."""
        ...

    @property
    def askers(self) -> tuple[str, ...]:
        """Urns of the actors that are deaf until this code has its answer."""
        ...


class ChildScope:
    """A child task: it acts on behalf of a message, but its actor goes on hearing."""

    __slots__ = ("envelope",)

    askers: tuple[str, ...] = ()

    def __init__(self, envelope: Envelope | None) -> None:
        self.envelope = envelope


CURRENT: ContextVar[Scope | None] = ContextVar("current_scope", default=None)


class Failed(NamedTuple):
    """Ends the actor that takes it with this error, such as that of a child task."""

    error: BaseException


class Quiet(NamedTuple):
    """Nobody has written to the actor for some time."""


OWN = frozenset({_ActorStop, Failed, Quiet})
"""What is for one incarnation, whoever tells it."""


def fulfil(asker: Future[Any]) -> None:
    """Answer one who asked an actor to stop, unless it has an answer."""
    with suppress(queue.Full):
        asker.set(None)


def refuse(envelope: PykkaEnvelope[Any], error: Exception) -> None:
    """Answer an envelope that nobody will handle; one without a waiting sender is counted."""
    if envelope.reply_to is None:
        metrics.shed.labels("unread").inc()
        return
    with suppress(queue.Full):  # it has an answer
        envelope.reply_to.set_exception((type(error), error, None))


def stop_request() -> object:
    """Return Pykka's message that asks an actor to stop."""
    return _ActorStop()


def is_stop_request(message: object) -> bool:
    """True for the message that asks an actor to stop."""
    return isinstance(message, _ActorStop)
