"""Virtual actors: addressed by key, started by their first message, put to rest when nobody writes."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from functools import partial
from itertools import takewhile
from typing import Any, Generic, TypeVar

from actors.runtime.actor import AsyncioActor
from actors.runtime.envelope import Envelope, stop_request
from actors.runtime.errors import ActivationError, ActorError, ActorGoneError, OverloadedError
from actors.runtime.future import AsyncioFuture
from actors.runtime.mailbox import refuse
from actors.runtime.ref import AsyncioRef
from config import metrics
from config.logs import get_logger

K = TypeVar("K", bound=Hashable)
A = TypeVar("A", bound=AsyncioActor)
log = get_logger(__name__)

BUFFER_LIMIT = 10_000
"""Messages that wait for the next incarnation of one actor, as many as a default mailbox holds."""

LEAST_WAIT_S = 0.05
"""Seconds between two looks for idle actors, at least; timers may fire a little before their time."""


class _Slot(Generic[K, A]):
    """One live incarnation; `leaving` once it was asked to stop, with `buffer` for what came after that."""

    __slots__ = ("buffer", "key", "leaving", "over", "ref", "used_at")

    def __init__(self, key: K, ref: AsyncioRef[A], used_at: float) -> None:
        self.key = key
        self.ref = ref
        self.used_at = used_at
        self.leaving = False
        self.over = False
        self.buffer: list[Envelope] = []


class Directory(Generic[K, A]):
    """All actors of a kind in this process, used from their loop only.

    An actor is put to rest by a handshake: from the moment it is asked to stop, new messages wait here; what
    it had before, it still handles; once it has ended, the waiting messages start its next incarnation. Mail
    that an incarnation leaves unread, because it stopped by itself or failed, goes before them. So none is
    lost and none overtakes another. The one message that an actor failed of is not repeated.
    """

    def __init__(
        self,
        activate: Callable[[K], AsyncioRef[A]],
        *,
        kind: str,
        idle_s: float = 900.0,
        capacity: int | None = None,
        clock: Callable[[], float] | None = None,
        on_crash: Callable[[K, BaseException], None] | None = None,
    ) -> None:
        """Make an empty directory.

        Args:
            activate: starts the actor of a key; slow loading belongs into its `on_start`.
            kind: name in metrics and logs, e.g. `channel`.
            idle_s: seconds without a message after which an actor that isn't busy is put to rest.
            capacity: live actors above which the least recently used one that isn't busy is put to rest.
            clock: seconds; the time of the running loop by default.
            on_crash: told of every actor that failed.
        """
        self._activate = activate
        self._kind = kind
        self._idle_s = idle_s
        self._capacity = capacity
        self._clock = clock
        self._on_crash = on_crash
        self._slots: OrderedDict[K, _Slot[K, A]] = OrderedDict()
        self._leaving = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._live = metrics.actors_live.labels(kind)
        self._passivations = metrics.passivations.labels(kind)

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, key: K) -> bool:
        return key in self._slots

    def refs(self) -> Iterator[tuple[K, AsyncioRef[A]]]:
        """Walk over the live actors, the least recently used first."""
        return iter([(slot.key, slot.ref) for slot in self._slots.values()])

    def tell(self, key: K, message: Any) -> None:
        """Send `message` to the actor of `key`, starting it if need be.

        Raises:
            ActivationError: it could not be started.
            OverloadedError: its mailbox is full.
            ActorGoneError: the directory is stopped.
        """
        self._deliver(key, Envelope(message))

    def ask(self, key: K, message: Any, timeout: float) -> AsyncioFuture[Any]:
        """Ask the actor of `key`; every error, also of starting it, is in the future."""
        future: AsyncioFuture[Any] = AsyncioFuture()
        future.timeout = timeout
        deadline = asyncio.get_running_loop().time() + timeout
        try:
            future.target = self._deliver(key, Envelope(message, future, deadline)).ref.actor_urn
        except ActorError as error:
            future.fail(error)
        return future

    def _now(self) -> float:
        return asyncio.get_running_loop().time() if self._clock is None else self._clock()

    def _deliver(self, key: K, envelope: Envelope) -> _Slot[K, A]:
        if self._closed:
            raise ActorGoneError("The directory is stopped.")
        slot = self._slots.get(key) or self._start(key)
        slot.used_at = self._now()
        self._slots.move_to_end(key)
        if not slot.leaving:
            slot.ref.mailbox.put(envelope)
        elif len(slot.buffer) >= BUFFER_LIMIT:
            raise OverloadedError
        else:
            slot.buffer.append(envelope)
        return slot

    def _start(self, key: K) -> _Slot[K, A]:
        try:
            ref = self._activate(key)
        except Exception as error:
            log.warning("activation_failed", kind=self._kind, key=str(key), error=type(error).__name__)
            raise ActivationError().caused_by(error) from error
        slot = _Slot(key, ref, self._now())
        self._slots[key] = slot
        ref.bequeath(partial(self._inherit, slot))
        ref.termination.watch(partial(self._ended, slot))
        self._live.set(len(self._slots))
        self._watch_idle()
        self._keep_to_capacity()
        return slot

    def _inherit(self, slot: _Slot[K, A], unread: list[Envelope]) -> None:
        if not slot.over:
            slot.buffer[:0] = unread
            return
        for envelope in unread:  # put in by another thread in the instant of the end
            self._restart(slot.key, [envelope])

    def _ended(self, slot: _Slot[K, A]) -> None:
        slot.over = True
        self._leaving -= slot.leaving
        del self._slots[slot.key]
        self._live.set(len(self._slots))
        end = slot.ref.termination
        if end.error is not None:
            log.warning("actor_failed", kind=self._kind, key=str(slot.key), error=type(end.error).__name__)
            if self._on_crash is not None:
                self._on_crash(slot.key, end.error)
        elif slot.leaving:
            self._passivations.inc()
        if not end.started and end.error is not None:
            _refuse_all(slot.buffer, ActivationError().caused_by(end.error))
        elif slot.buffer:
            self._restart(slot.key, slot.buffer)

    def _restart(self, key: K, mail: list[Envelope]) -> None:
        """Let the next incarnation have the mail of the last one; what comes from now on is behind it."""
        if self._closed:
            _refuse_all(mail, ActorGoneError())
            return
        try:
            slot = self._slots.get(key) or self._start(key)
        except ActivationError as error:
            _refuse_all(mail, error)
            return
        for envelope in mail:
            slot.ref.mailbox.put(envelope, always=True)

    def passivate(self, key: K) -> None:
        """Put the actor of `key` to rest; the next message starts it again."""
        slot = self._slots.get(key)
        if slot is not None and not slot.leaving:
            slot.leaving = True
            self._leaving += 1
            with suppress(ActorGoneError):
                slot.ref.mailbox.put(Envelope(stop_request()), always=True)

    def _keep_to_capacity(self) -> None:
        while self._capacity is not None and len(self._slots) - self._leaving > self._capacity:
            resting = (slot for slot in self._slots.values() if not slot.leaving and not slot.ref.busy)
            oldest = next(resting, None)
            if oldest is None or oldest is next(reversed(self._slots.values())):
                return
            self.passivate(oldest.key)

    def sweep(self) -> None:
        """Put every actor to rest that has been idle for too long; a busy one counts as used now."""
        now = self._now()
        slots = self._slots.values()
        for slot in list(takewhile(lambda slot: now - slot.used_at >= self._idle_s, slots)):
            if slot.ref.busy:
                slot.used_at = now
                self._slots.move_to_end(slot.key)
            else:
                self.passivate(slot.key)

    def _watch_idle(self) -> None:
        if self._timer is None and not self._closed:
            oldest = next((slot.used_at for slot in self._slots.values() if not slot.leaving), self._now())
            wait = max(LEAST_WAIT_S, oldest + self._idle_s - self._now())
            self._timer = asyncio.get_running_loop().call_later(wait, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.sweep()
        if self._slots:
            self._watch_idle()

    async def stop(self, budget_s: float = 10.0) -> None:
        """Accept nothing more and stop all actors; kill those that need more than `budget_s` seconds."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        ends = [slot.ref.ended() for slot in self._slots.values()]
        for key in list(self._slots):
            self.passivate(key)
        with suppress(TimeoutError):
            async with asyncio.timeout(budget_s):
                for end in ends:
                    await end
        for _, ref in self.refs():
            log.warning("actor_killed", kind=self._kind, urn=ref.actor_urn)
            ref.kill()
        for end in ends:
            await end


def _refuse_all(mail: list[Envelope], error: ActorError) -> None:
    for envelope in mail:
        refuse(envelope, error)
