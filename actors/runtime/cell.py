"""The life of one actor: start, messages one at a time, end."""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as trace_context
from opentelemetry import propagate
from pykka import ActorRegistry, Future

from actors.runtime.dispatcher import Dispatcher
from actors.runtime.envelope import CURRENT, ChildScope, Envelope, Failed, is_stop_request
from actors.runtime.errors import (
    ActorGoneError,
    DeadlineError,
    HandlerCancelledError,
    KilledError,
    NoLoopError,
)
from actors.runtime.mailbox import Mailbox, fulfil, refuse
from actors.runtime.termination import Termination

if TYPE_CHECKING:
    from actors.runtime.actor import AsyncioActor

logger = logging.getLogger("pykka")
Handler = Coroutine[Any, Any, Any]

CHILD_GRACE_S = 5.0
"""Seconds that cancelled child tasks have to end before the actor ends without them."""


class Cell:
    """Drives one actor. Everything but `wake` and `kill` runs on its loop.

    Attributes:
        envelope: the message that is handled now.
        task: the coroutine handler or hook that runs; while it does, the mailbox waits.
        children: tasks that the actor started and that end with it.
        actor: whom it drives; gone after the end, so that the memory of both is free without a collection.
    """

    __slots__ = (
        "_asker",
        "_dispatcher",
        "actor",
        "children",
        "envelope",
        "mailbox",
        "task",
        "termination",
        "urn",
    )

    def __init__(self, actor: "AsyncioActor", mailbox: Mailbox, termination: Termination) -> None:
        self.actor = actor
        self.urn = actor.actor_urn
        self.mailbox = mailbox
        self.termination = termination
        self.envelope: Envelope | None = None
        self.task: asyncio.Task[Any] | None = None
        self.children: set[asyncio.Task[Any]] | None = None
        self._dispatcher: Dispatcher | None = None
        self._asker: Future[Any] | None = None

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher of the actor's loop.

        Raises:
            NoLoopError: the actor has not been started.
        """
        if self._dispatcher is None:
            raise NoLoopError("The actor has not been started.")
        return self._dispatcher

    @property
    def askers(self) -> tuple[str, ...]:
        """Urns of the actors that are deaf until the handler that runs here has its answer."""
        chain = () if self.envelope is None else self.envelope.chain
        return (*chain, self.urn)

    @property
    def busy(self) -> bool:
        """True while a message, a child task or something put aside waits for its end."""
        return self.task is not None or bool(self.children) or len(self.mailbox) > 0

    @property
    def work(self) -> str | None:
        """Type of the message in a coroutine handler that runs now."""
        return type(self.envelope.message).__name__ if self.task and self.envelope else None

    def now(self) -> float | None:
        """Time of the actor's loop in seconds; None before it is started. Callable from any thread.

        Raises:
            ActorGoneError: the loop is closed.
        """
        if self._dispatcher is None:
            return None
        if self._dispatcher.loop.is_closed():
            raise ActorGoneError("The loop is closed.")
        return self._dispatcher.loop.time()

    def remaining(self) -> float | None:
        """Seconds until the deadline of the message that is handled now; None when it has none."""
        deadline = None if self.envelope is None else self.envelope.deadline
        return None if deadline is None else deadline - self.dispatcher.loop.time()

    def stash(self) -> None:
        """Put the message that is handled now aside."""
        if self.envelope is not None:
            self.mailbox.stash(self.envelope)

    def start(self, dispatcher: Dispatcher) -> None:
        """Run `on_start` soon, then the messages that are there."""
        self._dispatcher = dispatcher
        dispatcher.schedule(self)

    def wake(self) -> None:
        """Handle what is in the mailbox soon; callable from any thread."""
        try:
            self.dispatcher.schedule(self)
        except RuntimeError:  # the loop is closed: nobody will ever come
            self.mailbox.close()

    def run(self, budget: int) -> int:
        """Handle up to `budget` messages and return how many it were."""
        termination, mailbox, handled = self.termination, self.mailbox, 0
        if self.task is not None or termination.is_set():
            return 0
        CURRENT.set(self)
        if not termination.started and not self._start():
            return 1
        while handled < budget:
            envelope = mailbox.take()
            if envelope is None:
                break
            handled += 1
            self._handle(envelope)
            if self.task is not None or termination.is_set():
                return handled
        self._give_way()
        return handled

    def _give_way(self) -> None:
        if self.mailbox.rest():
            self.envelope = None
            return
        self.dispatcher.schedule(self)

    def _start(self) -> bool:
        """Run `on_start`; False when the actor isn't ready for messages."""
        try:
            response = self.actor.on_start()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it ends the actor
            self._die(_as_exception(error))
            return False
        if type(response) is CoroutineType:
            self._run_task(cast("Handler", response), self._start_ended)
            return False
        self.termination.begin()
        return not self.termination.is_set()

    def _start_ended(self, error: BaseException | None, _response: object) -> None:
        if error is not None:
            self._die(_as_exception(error))
            return
        try:
            self.termination.begin()
        finally:
            self._go_on()

    def _run_task(self, work: Handler, then: Callable[[BaseException | None, Any], None]) -> None:
        """Run a handler or hook while the mailbox waits; `then` gets its error or its response."""

        def ended(task: asyncio.Task[Any]) -> None:
            self.task = None
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            then(error, None if error is not None else task.result())

        self.task = self.dispatcher.loop.create_task(work)
        self.task.add_done_callback(ended)

    def _handle(self, envelope: Envelope) -> None:
        if envelope.deadline is not None and self._is_late(envelope):
            refuse(envelope, DeadlineError())
            return
        self.envelope = envelope
        if envelope.trace:
            token = trace_context.attach(propagate.extract(envelope.trace))
            try:
                self._receive(envelope)
            finally:
                trace_context.detach(token)
        else:
            self._receive(envelope)

    def _is_late(self, envelope: Envelope) -> bool:
        late = envelope.deadline is not None and self.dispatcher.loop.time() > envelope.deadline
        return late and not is_stop_request(envelope.message)

    def _receive(self, envelope: Envelope) -> None:
        message = envelope.message
        if is_stop_request(message):
            self._asker = envelope.reply_to
            self._stop()
            return
        if envelope.since is not None:
            self._begin_timing(envelope)
        try:
            if isinstance(message, Failed):
                raise message.error  # noqa: TRY301 - it fails the actor
            response = self.actor._handle_receive(message)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - Pykka's extension point
        except BaseException as error:  # noqa: BLE001 - the actor's own supervisor decides
            self._fail(error, envelope)
            return
        if type(response) is CoroutineType:
            self._run_task(cast("Handler", response), partial(self._handler_ended, envelope))
        elif envelope.reply_to is not None or envelope.since is not None:
            self._answer(envelope, response)

    def _handler_ended(self, envelope: Envelope, error: BaseException | None, response: Any) -> None:
        try:
            if error is not None:
                self._fail(error, envelope)
            else:
                self._answer(envelope, response)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        if not self.termination.is_set():
            self._give_way()

    def _answer(self, envelope: Envelope, response: Any) -> None:
        if envelope.since is not None:
            self._end_timing(envelope)
        if envelope.reply_to is not None and not envelope.stashed:
            envelope.reply_to.set(response)

    def _begin_timing(self, envelope: Envelope) -> None:
        if self.mailbox.traffic is not None:
            self.mailbox.traffic.begun(envelope)

    def _end_timing(self, envelope: Envelope) -> None:
        if self.mailbox.traffic is not None:
            self.mailbox.traffic.done(envelope)

    def _fail(self, error: BaseException, envelope: Envelope) -> None:
        if envelope.since is not None:
            self._end_timing(envelope)
        error = _as_exception(error)
        self.mailbox.forget(envelope)
        if self.termination.ended:
            refuse(envelope, ActorGoneError())
        elif not isinstance(error, Exception):
            self._panic(error, envelope)
        elif envelope.reply_to is not None:
            failure = (type(error), error, error.__traceback__)
            logger.info("Exception returned from %s to caller:", self.actor, exc_info=failure)
            envelope.reply_to.set_exception(failure)
        else:
            if not envelope.own:
                self.termination.culprit = envelope
            self._die(error, partial(self.actor.on_failure, type(error), error, error.__traceback__))

    def _panic(self, error: BaseException, envelope: Envelope) -> None:
        """Stop all actors, as Pykka does for everything that isn't an ordinary exception."""
        logger.debug("%r in %s. Stopping all actors.", error, self.actor)
        self.termination.error = error
        if envelope.reply_to is not None:
            refuse(envelope, ActorGoneError())
        self._stop()
        ActorRegistry.stop_all(block=False)

    def _stop(self) -> None:
        ActorRegistry.unregister(self.actor.actor_ref)
        self.termination.set()
        logger.debug("Stopped %s", self.actor)
        self._end(self.actor.on_stop)

    def _die(self, error: Exception, hook: Callable[[], Any] | None = None) -> None:
        if self.termination.ended:  # it was killed
            return
        self._record(error)
        self._end(hook)

    def _record(self, error: Exception) -> None:
        logger.error(
            "Unhandled exception in %s:",
            self.actor,
            exc_info=(type(error), error, error.__traceback__),
        )
        if self.termination.error is None:
            self.termination.error = error
        ActorRegistry.unregister(self.actor.actor_ref)
        self.termination.set()

    def _end(self, hook: Callable[[], Any] | None) -> None:
        """End the children, run the last hook, close; at once when nothing of it has to be awaited."""
        if self.children:
            self._run_task(self._end_children(), lambda _error, _none: self._run_last(hook))
        else:
            self._run_last(hook)

    def _run_last(self, hook: Callable[[], Any] | None) -> None:
        if self.termination.ended:
            return
        response = self._call(hook)
        if type(response) is CoroutineType:
            self._run_task(cast("Handler", response), self._last_ended)
        else:
            self._close()

    def _last_ended(self, error: BaseException | None, _response: Any) -> None:
        if error is not None and not self.termination.ended:
            self._record(_as_exception(error))
        self._close()

    async def _end_children(self) -> None:
        children = self.children
        if not children:
            return
        for child in children:
            child.cancel()
        _, alive = await asyncio.wait(children, timeout=CHILD_GRACE_S)
        if alive:
            logger.error("%d child tasks of %s ignore their cancellation", len(alive), self.urn)

    def _call(self, hook: Callable[[], Any] | None) -> Any:
        try:
            return None if hook is None else hook()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - logged, and the end goes on
            self._record(_as_exception(error))

    def _close(self) -> None:
        if self.termination.ended:
            return
        try:
            self.mailbox.close()
        finally:
            self.mailbox.reader = None
            if self._asker is not None:
                fulfil(self._asker)
            del self.actor
            self.termination.end()

    def kill(self, error: BaseException | None = None) -> None:
        """End now, without hooks: cancel what runs and answer what waits. Callable from any thread."""
        self.dispatcher.loop.call_soon_threadsafe(self._kill, error)

    def _kill(self, error: BaseException | None) -> None:
        if self.termination.ended:
            return
        if self.termination.error is None:
            self.termination.error = KilledError() if error is None else error
        ActorRegistry.unregister(self.actor.actor_ref)
        self.termination.set()
        for task in (self.task, *(self.children or ())):
            if task is not None:
                task.cancel()
        self._close()

    def spawn(
        self,
        work: Coroutine[Any, Any, Any],
        done: Callable[[Any], object] | None = None,
        failed: Callable[[Exception], object] | None = None,
    ) -> asyncio.Task[Any]:
        """Start a child task; see `AsyncioActor.spawn`."""
        if self.termination.is_set():
            work.close()
            raise ActorGoneError(f"{self.urn} is stopping")
        context = contextvars.copy_context()
        context.run(CURRENT.set, ChildScope(self.envelope))
        child = self.dispatcher.loop.create_task(work, context=context)
        if self.children is None:
            self.children = set()
        self.children.add(child)
        child.add_done_callback(partial(self._child_ended, done, failed), context=context)
        return child

    def _child_ended(
        self,
        done: Callable[[Any], object] | None,
        failed: Callable[[Exception], object] | None,
        child: asyncio.Task[Any],
    ) -> None:
        if self.children is not None:
            self.children.discard(child)
        if child.cancelled():
            return
        error = child.exception()
        if error is None:
            message = None if done is None else done(child.result())
        elif failed is not None and isinstance(error, Exception):
            message = failed(error)
        else:
            message = Failed(error)
        if message is not None and not self.mailbox.closed:
            self.mailbox.put(Envelope(message, own=True))


def _as_exception(error: BaseException) -> Any:
    """A cancelled handler is a failed handler, not the end of all actors."""
    if isinstance(error, asyncio.CancelledError):
        return HandlerCancelledError().caused_by(error)
    return error
