"""Pykka's actor on an event loop."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, ClassVar, Self, TypeVar, cast

import pykka
from pykka import ActorRegistry
from typing_extensions import override

from actors.runtime.cell import Cell
from actors.runtime.dispatcher import dispatcher_of
from actors.runtime.envelope import Quiet
from actors.runtime.errors import NoLoopError
from actors.runtime.future import AsyncioFuture
from actors.runtime.mailbox import Mailbox
from actors.runtime.overflow import MailboxSpec
from actors.runtime.ref import AsyncioRef
from actors.runtime.termination import Termination

T = TypeVar("T")
logger = logging.getLogger("pykka")
_given_loop: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("given_loop", default=None)


class AsyncioActor(pykka.Actor):
    """An actor without a thread: it runs on the loop that runs where it is started.

    Handlers and hooks are plain or `async def`; one message is handled at a time either way. A handler
    never awaits long work: it calls `spawn`, which tells the result back, so the actor goes on hearing.

    Attributes:
        mailbox_spec: bound and overflow policies of the mailbox.
        traps_exits: the end of a linked actor is told to it as an `Exit` and doesn't end it.
    """

    mailbox_spec: ClassVar[MailboxSpec] = MailboxSpec()
    traps_exits: ClassVar[bool] = False

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        mailbox = self._create_actor_inbox()
        termination = Termination()
        self.actor_urn = uuid.uuid4().urn
        self.actor_inbox = mailbox
        self.actor_stopped = termination  # type: ignore[assignment] # an event as far as Pykka uses one
        self._cell = mailbox.reader = Cell(self, mailbox, termination)
        self._actor_ref = AsyncioRef(self)

    @classmethod
    @override
    def start(cls, *args: Any, **kwargs: Any) -> AsyncioRef[Self]:  # pyright: ignore[reportIncompatibleMethodOverride] - Self can not be checked
        """Create the actor, register it and run it on the running loop.

        Raises:
            NoLoopError: no loop runs in this thread and none was given by `start_on`.
        """
        if cls._home_loop() is None:
            raise NoLoopError
        return cast("AsyncioRef[Self]", super().start(*args, **kwargs))

    @classmethod
    def start_on(cls, loop: asyncio.AbstractEventLoop, *args: Any, **kwargs: Any) -> AsyncioRef[Self]:
        """Start the actor on `loop`; callable from any thread."""
        token = _given_loop.set(loop)
        try:
            return cls.start(*args, **kwargs)
        finally:
            _given_loop.reset(token)

    @classmethod
    def _home_loop(cls) -> asyncio.AbstractEventLoop | None:
        return _given_loop.get() or asyncio._get_running_loop()  # noqa: SLF001 - documented for runtimes

    @classmethod
    @override
    def _create_actor_inbox(cls) -> Mailbox:  # pyright: ignore[reportIncompatibleMethodOverride] - it is called on the actor
        return Mailbox(cls.mailbox_spec)

    @staticmethod
    @override
    def _create_future() -> AsyncioFuture[Any]:
        return AsyncioFuture()

    @override
    def _start_actor_loop(self) -> None:
        loop = self._home_loop()
        if loop is None:
            ActorRegistry.unregister(self.actor_ref)
            raise NoLoopError
        self._cell.start(dispatcher_of(loop))

    @property
    @override
    def actor_ref(self) -> AsyncioRef[Self]:  # pyright: ignore[reportIncompatibleMethodOverride] - as above
        """The actor's reference; safe to hand to anyone."""
        return cast("AsyncioRef[Self]", self._actor_ref)

    @override
    def _handle_receive(self, message: Any) -> Any:
        if isinstance(message, tuple):  # Pykka's own messages are named tuples
            return self.on_quiet() if isinstance(message, Quiet) else super()._handle_receive(message)
        return self.on_receive(message)

    @override
    def on_start(self) -> Any:
        """Run before the first message, plain or `async def`; messages wait. An error ends the actor."""

    @override
    def on_stop(self) -> Any:
        """Run after the last message of an actor that was asked to stop, plain or `async def`."""

    @override
    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> Any:
        """Run instead of `on_stop` when a told message or a child task failed, plain or `async def`."""

    def on_quiet(self) -> Any:
        """Run when a directory has had no message for the actor for a while: the time to take less memory."""

    @override
    def on_receive(self, message: Any) -> Any:
        """Handle a message and return the answer; this one only says that it was not expected."""
        logger.warning("Unexpected message received by %s: %s", self, type(message).__name__)

    def spawn(
        self,
        work: Coroutine[Any, Any, T],
        done: Callable[[T], object] | None = None,
        failed: Callable[[Exception], object] | None = None,
    ) -> asyncio.Task[T]:
        """Start a child task beside the mailbox; it is cancelled when the actor stops.

        Args:
            work: what to run. Asks in it have the deadline of the message that is handled now.
            done: makes the message that tells this actor the result; nothing is told without it or for None.
            failed: makes the message that tells the error; without it the error fails the actor.

        Raises:
            ActorGoneError: the actor is stopping.
        """
        return self._cell.spawn(work, done, failed)

    def later(self, delay: float, message: Any) -> asyncio.Task[Any]:
        """Tell this actor `message` in `delay` seconds unless it stops; cancel the task to forget it."""
        return self._cell.spawn(asyncio.sleep(delay, message), lambda due: due, None)

    def stash(self) -> None:
        """Put the message that is handled now aside, unanswered, until `unstash`."""
        self._cell.stash()

    def unstash(self) -> None:
        """Handle what was put aside next, in its order."""
        self._cell.mailbox.unstash()

    def remaining(self) -> float | None:
        """Seconds until the deadline of the message that is handled now; None when it has none."""
        return self._cell.remaining()
