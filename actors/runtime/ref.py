"""References: how anyone talks to an actor."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

from pykka import Actor, ActorDeadError, ActorRef
from typing_extensions import override

from actors.runtime.envelope import Envelope, Failed, stop_request
from actors.runtime.errors import ActorError, ActorGoneError, DeadlockError
from actors.runtime.future import AsyncioFuture
from actors.runtime.mailbox import Mailbox
from actors.runtime.termination import Termination

A = TypeVar("A", bound=Actor)


class LoopAwareRef(ActorRef[A]):
    """A Pykka reference that never blocks an event loop and whose futures can be awaited."""

    @property
    def termination(self) -> Termination:
        """How far the actor's end is, and what it died of."""
        return cast("Termination", self.actor_stopped)

    @override
    def tell(self, message: Any, *, deadline: float | None = None) -> None:
        """Send `message`; never blocks.

        Args:
            message: what to send.
            deadline: time of the receiver's loop after which it may ignore the message.

        Raises:
            ActorDeadError: the actor has stopped.
            OverloadedError: its mailbox is full and the policy of this message says reject.
        """
        if self.actor_stopped.is_set():
            raise ActorGoneError(f"{self} not found")
        self.actor_inbox.put(Envelope(message, None, deadline))

    @override
    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Send `message` and return the answer, or its future when `block` is False.

        Args:
            message: what to ask.
            block: wait in this thread; refused on a thread whose event loop runs.
            timeout: seconds to wait, also for an `await` of the future; the actor won't begin after it.

        Raises:
            DeadlockError: it would block a running event loop; nothing is sent.
            AskTimeoutError: no answer within `timeout`.
            Exception: whatever the actor raised.
        """
        if block and asyncio._get_running_loop() is not None:  # noqa: SLF001 - documented for runtimes
            raise DeadlockError("A blocking ask on a running event loop; use block=False and await.")
        future = self._ask(message, timeout)
        return future.get(timeout=timeout) if block else future

    def _ask(self, message: Any, timeout: float | None) -> AsyncioFuture[Any]:
        future: AsyncioFuture[Any] = AsyncioFuture()
        future.target = self.actor_urn
        future.timeout = timeout
        try:
            if self.actor_stopped.is_set():
                raise ActorGoneError(f"{self} not found")
            self.actor_inbox.put(Envelope(message, future, self._deadline(timeout)))
        except ActorError as error:
            future.fail(error)
        return future

    def _deadline(self, timeout: float | None) -> float | None:  # noqa: ARG002 - a thread has no loop time
        return None

    async def request(self, message: Any, timeout: float) -> Any:  # noqa: ASYNC109 - the deadline travels along
        """Ask and await the answer for `timeout` seconds.

        Raises:
            AskTimeoutError: no answer came in time.
            Exception: whatever the actor raised.
        """
        return await self._ask(message, timeout)

    @override
    def stop(self, *, block: bool = True, timeout: float | None = None) -> Any:
        """Ask the actor to stop after the messages it has; True unless it was dead already."""
        if block and asyncio._get_running_loop() is not None:  # noqa: SLF001 - documented for runtimes
            raise DeadlockError("A blocking stop on a running event loop; use block=False and await.")
        answer = self._ask(stop_request(), None)
        future = answer.derive(lambda wait: _was_alive(answer, wait))
        return future.get(timeout=timeout) if block else future

    def signal(self, message: Any) -> None:
        """Tell what this incarnation must hear: it may be busy, and it may be gone; nothing is raised."""
        if not self.actor_stopped.is_set():
            self.actor_inbox.put(Envelope(message))

    def fail(self, error: BaseException) -> None:
        """Let the actor fail of `error`: it runs in a thread, so as soon as it comes to this message."""
        self.signal(Failed(error))

    def ended(self) -> AsyncioFuture[Termination]:
        """Return a future of the actor's complete end: last hook run, unread mail answered."""
        future: AsyncioFuture[Termination] = AsyncioFuture()
        self.termination.watch(lambda: future.set(self.termination))
        return future


class _Will:
    """Hands what is unread to the heir on the heir's loop; a sixth of the memory of a closure that does."""

    __slots__ = ("_heir", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, heir: Callable[[list[Envelope]], None]) -> None:
        self._loop = loop
        self._heir = heir

    def __call__(self, unread: list[Envelope]) -> None:
        if asyncio._get_running_loop() is self._loop:  # noqa: SLF001 - documented for runtimes
            self._heir(unread)
        else:
            self._loop.call_soon_threadsafe(self._heir, unread)


class AsyncioRef(LoopAwareRef[A]):
    """A reference to an actor on an event loop; while that lives, its mailbox keeps it."""

    def __init__(self, actor: A) -> None:
        self.actor_class = actor.__class__
        self.actor_urn = actor.actor_urn
        self.actor_inbox = actor.actor_inbox
        self.actor_stopped = actor.actor_stopped

    @property
    @override
    def _actor_weakref(self) -> Callable[[], A | None]:  # type: ignore[override] # saves a weak reference per actor
        reader = self.mailbox.reader
        return lambda: None if reader is None else cast("A", reader.actor)

    @property
    def mailbox(self) -> Mailbox:
        """The actor's mailbox."""
        return cast("Mailbox", self.actor_inbox)

    @property
    def busy(self) -> bool:
        """True while the actor has anything to do: unread messages, a handler, child tasks."""
        return self.mailbox.reader is not None and self.mailbox.reader.busy

    @property
    def work(self) -> str | None:
        """Type of the message in a coroutine handler that runs now."""
        return None if self.mailbox.reader is None else self.mailbox.reader.work

    async def send(self, message: Any) -> None:
        """Tell, and wait for room when the mailbox is full and the policy of this type is `BLOCK`.

        Raises:
            ActorDeadError: the actor has stopped.
            OverloadedError: the mailbox is full and the policy is another one.
        """
        await self.mailbox.room(message)
        self.tell(message)

    @override
    def signal(self, message: Any) -> None:
        """Tell what this incarnation must hear: it may be busy, and it may be gone; nothing is raised."""
        with suppress(ActorGoneError):
            self.mailbox.put(Envelope(message, own=True))

    def kill(self) -> None:
        """End the actor now, without its hooks: cancel what runs, answer what waits with an error."""
        if self.mailbox.reader is not None:
            self.mailbox.reader.kill()

    @override
    def fail(self, error: BaseException) -> None:
        """Kill the actor; what it failed of is `error`."""
        if self.mailbox.reader is not None:
            self.mailbox.reader.kill(error)

    def bequeath(self, heir: Callable[[list[Envelope]], None]) -> None:
        """Hand the unread envelopes to `heir`, on this loop, when the actor ends."""
        self.mailbox.heir = _Will(asyncio.get_running_loop(), heir)

    @override
    def _deadline(self, timeout: float | None) -> float | None:
        reader = self.mailbox.reader
        now = None if reader is None else reader.now()
        return None if timeout is None or now is None else now + timeout


def _was_alive(answer: AsyncioFuture[Any], timeout: float | None) -> bool:
    with suppress(ActorDeadError):
        answer.get(timeout=timeout)
        return True
    return False
