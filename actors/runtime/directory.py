"""Virtual actors: addressed by key, started by their first message, put to rest when nobody writes."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice, takewhile
from typing import Any, Generic, TypeVar

from actors.runtime.activation import activation_error, start_within
from actors.runtime.actor import AsyncioActor
from actors.runtime.crash_loop import CrashLoops
from actors.runtime.dispatcher import afterwards
from actors.runtime.envelope import Envelope, Quiet, refuse, stop_request
from actors.runtime.errors import ActorError, ActorGoneError, CrashLoopError, OverloadedError
from actors.runtime.future import AsyncioFuture
from actors.runtime.ref import AsyncioRef
from actors.runtime.slot import Slot
from actors.runtime.traffic import Traffic
from config import metrics
from config.logs import get_logger
from supervision.errors import BufferFullError
from supervision.handle import Handle
from supervision.tree import Node

K = TypeVar("K", bound=Hashable)
A = TypeVar("A", bound=AsyncioActor)
log = get_logger(__name__)

QUIET_S = 60.0
"""Seconds without a message after which an actor is told that it is quiet; it may take twice as long."""

LEAST_WAIT_S = 0.05
"""Seconds between two looks for idle actors, at least; timers may fire a little before their time."""


class Directory(Generic[K, A]):
    """All actors of a kind in this process, used from their loop only.

    An actor is put to rest by a handshake: from the moment it is asked to stop, new messages wait here; what
    it had before, it still handles; once it has ended, the waiting messages start its next incarnation. Mail
    that an incarnation leaves unread, because it stopped by itself or failed, goes before them. So none is
    lost and none overtakes another.

    The message that an actor failed of is the first of its next incarnation, until it has killed as many as
    the crash policy allows. Actors that go on failing start again with growing delays; their mail waits.
    """

    def __init__(
        self,
        activate: Callable[[K], AsyncioRef[A]],
        *,
        kind: str,
        idle_s: float = 900.0,
        capacity: int | None = None,
        on_crash: Callable[[K, BaseException], None] | None = None,
        on_poison: Callable[[K, Any, BaseException, int], None] | None = None,
        crashes: CrashLoops[K] | None = None,
    ) -> None:
        """Make an empty directory.

        Args:
            activate: starts the actor of a key; slow loading belongs into its `on_start`.
            kind: name in metrics and logs, e.g. `channel`.
            idle_s: seconds without a message after which an actor that isn't busy is put to rest.
            capacity: live actors above which the least recently used one that isn't busy is put to rest.
            on_crash: told of every actor that failed.
            on_poison: gets the key, a message that is repeated no more, what the last actor failed with, and
                how many the message has killed. Called on the loop, after `on_crash`; must not block.
            crashes: decides what failing again and again costs.
        """
        self._activate = activate
        self._kind = kind
        self._idle_s = idle_s
        self._capacity = capacity
        self._on_crash = on_crash
        self._on_poison = on_poison
        self._crashes: CrashLoops[K] = CrashLoops() if crashes is None else crashes
        self._slots: OrderedDict[K, Slot[K, A]] = OrderedDict()
        self._leaving = 0
        self._quiet_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._traffic = Traffic(kind)
        self._live = metrics.actors_live.labels(kind)
        self._failures = metrics.actor_crashes.labels(kind)
        self._passivations = metrics.passivations.labels(kind)

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, key: K) -> bool:
        return key in self._slots

    def __iter__(self) -> Iterator[K]:
        """Walk over the keys of the live actors in the order of their activation.

        An `OrderedDict` walks in its own order by a look-up for each key, which takes many times as long.
        """
        return iter(tuple(super(OrderedDict, self._slots).keys()))

    def node(self, key: K, name: str) -> Node:
        """Return the actor of `key` as the tree shows it under this name.

        Raises:
            KeyError: none is live.
        """
        return self._slots[key].node(name, _now(), self._crashes.count(key))

    def refs(self) -> Iterator[tuple[K, AsyncioRef[A]]]:
        """Walk over the live actors, the least recently used first."""
        return iter([(slot.key, slot.ref) for slot in self._slots.values()])

    def tell(self, key: K, message: Any) -> None:
        """Send `message` to the actor of `key`, starting it if need be.

        Raises:
            OverloadedError: its mailbox is full.
            CrashLoopError: it fails again and again, and too much waits for its next start.
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

    def delay(self, key: K) -> float:
        """Return seconds until the actor of `key`, which fails again and again, may start; else 0."""
        slot = self._slots.get(key)
        if slot is None or slot.revival is None:
            return 0.0
        return max(0.0, slot.revival.when() - _now())

    def _deliver(self, key: K, envelope: Envelope) -> Slot[K, A]:
        if self._closed:
            raise ActorGoneError("The directory is stopped.")
        slot = self._slots.get(key) or self._start(key)
        slot.used_at = _now()
        slot.quiet = False
        self._slots.move_to_end(key)
        if slot.leaving:
            self._traffic.sent(envelope)
            self._let_wait(slot, envelope)
        else:
            slot.ref.mailbox.put(envelope)
        return slot

    def _let_wait(self, slot: Slot[K, A], envelope: Envelope) -> None:
        try:
            self._waiting(slot).send(envelope)
        except BufferFullError as error:
            raise self._overloaded(slot).caused_by(error) from error

    def _overloaded(self, slot: Slot[K, A]) -> OverloadedError:
        if slot.revival is None:
            return OverloadedError()
        return CrashLoopError(retry_after=self.delay(slot.key))

    def _waiting(self, slot: Slot[K, A]) -> Handle[Envelope]:
        if slot.waiting is None:
            slot.waiting = Handle(
                f"{self._kind} {slot.key}",
                partial(self._poisoned, slot.key),
                limit=self._crashes.policy.waiting,
                lives=self._crashes.policy.lives,
            )
            self._traffic.holders.add(slot.waiting)
        return slot.waiting

    def _poisoned(self, key: K, envelope: Envelope, error: BaseException) -> None:
        self._call(self._on_poison, key, envelope.message, error, envelope.deaths)

    def _call(self, callback: Callable[..., None] | None, key: K, *facts: Any) -> None:
        """Tell an observer; one that fails is no reason to lose the key."""
        if callback is None:
            return
        try:
            callback(key, *facts)
        except Exception as error:  # noqa: BLE001 - whatever it fails of is its own affair
            log.error("observer_failed", kind=self._kind, key=str(key), error=type(error).__name__)  # noqa: TRY400 - a trace may show the message

    def _start(self, key: K) -> Slot[K, A]:
        ref = start_within(self._crashes.policy.start_s, partial(self._activate, key))
        slot = Slot(key, ref, _now())
        self._slots[key] = slot
        ref.mailbox.measure(self._traffic)
        ref.bequeath(partial(self._inherit, key, ref.actor_urn))
        ref.termination.watch(partial(self._ended, slot))
        self._live.set(len(self._slots))
        self._watch_idle()
        self._keep_to_capacity()
        return slot

    def _inherit(self, key: K, urn: str, unread: list[Envelope]) -> None:
        """Keep what an incarnation leaves; it is named here and not referred to, or its memory would stay."""
        slot = self._slots.get(key)
        if slot is not None and slot.ref.actor_urn == urn and not slot.over:
            if unread:
                self._waiting(slot).keep(unread)
            return
        for envelope in unread:  # put in by another thread in the instant of the end
            try:
                self._deliver(key, envelope)
            except ActorError as error:
                refuse(envelope, error)

    def _ended(self, slot: Slot[K, A]) -> None:
        slot.over = True
        end = slot.ref.termination
        if end.error is None:
            if slot.leaving:
                self._passivations.inc()
            self._go_on(slot)
            return
        failed = {"kind": self._kind, "key": str(slot.key), "error": type(end.error).__name__}
        afterwards(partial(log.warning, "actor_failed", **failed))
        if not slot.leaving:
            slot.leaving = True
            self._leaving += 1
        self._failures.inc()
        delay_s = self._crashes.failed(slot.key, _now())
        self._call(self._on_crash, slot.key, end.error)
        if not end.started:
            self._refuse(slot, activation_error(end.error))
        elif end.culprit is not None:
            self._waiting(slot).blame(end.culprit, end.error)
        if delay_s > 0 and not self._closed:
            waits = {"kind": self._kind, "key": str(slot.key), "delay_s": round(delay_s, 3)}
            afterwards(partial(log.warning, "actor_waits", **waits))
            slot.revival = asyncio.get_running_loop().call_later(delay_s, self._go_on, slot)
        else:
            self._go_on(slot)
        afterwards(end.forget_traces)

    def _go_on(self, slot: Slot[K, A]) -> None:
        """Let the next incarnation have what waits; what comes from now on is behind it."""
        self._leaving -= slot.leaving
        del self._slots[slot.key]
        self._live.set(len(self._slots))
        if slot.waiting is not None:
            self._hand_on(slot, slot.waiting)

    def _hand_on(self, slot: Slot[K, A], waiting: Handle[Envelope]) -> None:
        self._traffic.holders.discard(waiting)
        if not waiting:
            return
        if self._closed:
            self._refuse(slot, ActorGoneError())
            return
        waiting.attach(self._start(slot.key).ref.mailbox)

    def _refuse(self, slot: Slot[K, A], error: ActorError) -> None:
        if slot.waiting is not None:
            self._traffic.holders.discard(slot.waiting)
            slot.waiting.close(lambda envelope: refuse(envelope, error))
            slot.waiting = None

    def passivate(self, key: K) -> None:
        """Put the actor of `key` to rest; the next message starts it again."""
        slot = self._slots.get(key)
        if slot is not None and not slot.leaving:
            slot.leaving = True
            self._leaving += 1
            slot.ref.signal(stop_request())

    def _keep_to_capacity(self) -> None:
        """Put the least recently used to rest, as many as are too many; the newest and the busy stay."""
        if self._capacity is None or len(self._slots) - self._leaving <= self._capacity:
            return
        newest = next(reversed(self._slots.values()))
        resting = (slot for slot in self._slots.values() if not (slot.leaving or slot.ref.busy))
        surplus = len(self._slots) - self._leaving - self._capacity
        for slot in tuple(islice(resting, surplus)):
            if slot is not newest:
                self.passivate(slot.key)

    def sweep(self) -> None:
        """Put to rest whatever has been idle for too long, or is too much; a busy one counts as used now."""
        now = _now()
        slots = self._slots.values()
        for slot in list(takewhile(lambda slot: now - slot.used_at >= self._idle_s, slots)):
            if not self._keep_busy(slot, now):
                self.passivate(slot.key)
        self._keep_to_capacity()
        if now >= self._quiet_at:
            self._quiet_at = now + QUIET_S
            self._calm(now)

    def _keep_busy(self, slot: Slot[K, A], now: float) -> bool:
        """Let a busy actor count as used now."""
        if slot.ref.busy:
            slot.used_at = now
            self._slots.move_to_end(slot.key)
            return True
        return False

    def _calm(self, now: float) -> None:
        """Tell every actor that nobody has written to of late; those told before are the oldest."""
        lively = list(takewhile(lambda slot: not slot.quiet, reversed(self._slots.values())))
        for slot in reversed(lively):
            if now - slot.used_at < QUIET_S:
                return
            if not slot.leaving and not self._keep_busy(slot, now):
                slot.quiet = True
                slot.ref.signal(Quiet())

    def _watch_idle(self) -> None:
        if self._timer is None and not self._closed:
            now = _now()
            oldest = next((slot.used_at for slot in self._slots.values() if not slot.leaving), now)
            wait = min(max(LEAST_WAIT_S, oldest + self._idle_s - now), QUIET_S)
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
        for slot in list(self._slots.values()):
            if slot.revival is not None:
                slot.revival.cancel()
                self._go_on(slot)
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


def _now() -> float:
    return asyncio.get_running_loop().time()
