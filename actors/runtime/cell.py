"""The life of one actor: start, messages one at a time, end."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as trace_context
from opentelemetry import propagate
from pykka import ActorRegistry

from actors.runtime.children import Children, Done, Failure, Work
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.ending import Ending
from actors.runtime.envelope import CURRENT, Envelope, Failed, is_stop_request, refuse
from actors.runtime.errors import ActorGoneError, DeadlineError, NoLoopError, as_exception
from actors.runtime.mailbox import Mailbox
from actors.runtime.termination import Termination

if TYPE_CHECKING:
    from actors.runtime.actor import AsyncioActor

logger = logging.getLogger("pykka")


class Cell:
    """Drives one actor. Everything but `wake` and `kill` runs on its loop.

    Attributes:
        envelope: the message that is handled now.
        task: the coroutine handler or hook that runs; while it does, the mailbox waits.
        children: tasks that the actor started and that end with it.
        ending: made when the end begins.
        actor: whom it drives; it and `ending` are gone after the end, so that the memory of all is free
            without a collection.
    """

    __slots__ = (
        "_dispatcher",
        "actor",
        "children",
        "ending",
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
        self.children: Children | None = None
        self.ending: Ending | None = None
        self._dispatcher: Dispatcher | None = None

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
        if self.termination.is_set():
            return
        if self.mailbox.rest():
            self.envelope = None
        else:
            self.dispatcher.schedule(self)

    def _start(self) -> bool:
        """Run `on_start`; False when the actor isn't ready for messages."""
        try:
            response = self.actor.on_start()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it ends the actor
            self._end().fail(as_exception(error))
            return False
        if type(response) is CoroutineType:
            self.run_task(cast("Work", response), self._start_ended)
            return False
        self.termination.begin()
        return not self.termination.is_set()

    def _start_ended(self, error: BaseException | None, _response: object) -> None:
        if self.termination.ended:
            return
        if error is not None:
            self._end().fail(as_exception(error))
            return
        try:
            self.termination.begin()
        finally:
            self._give_way()

    def run_task(self, work: Work, then: Callable[[BaseException | None, Any], None]) -> None:
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
        return late and not envelope.own

    def _receive(self, envelope: Envelope) -> None:
        message = envelope.message
        if envelope.own and is_stop_request(message):
            self._end().stop(envelope.reply_to)
            return
        if envelope.since is not None:
            self._begin_timing(envelope)
        try:
            if envelope.own and isinstance(message, Failed):
                raise message.error  # noqa: TRY301 - it fails the actor
            response = self.actor._handle_receive(message)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - Pykka's extension point
        except BaseException as error:  # noqa: BLE001 - the actor's own supervisor decides
            self._fail(error, envelope)
            return
        if type(response) is CoroutineType:
            self.run_task(cast("Work", response), partial(self._handler_ended, envelope))
        elif envelope.reply_to is not None or envelope.since is not None:
            self._answer(envelope, response)

    def _handler_ended(self, envelope: Envelope, error: BaseException | None, response: Any) -> None:
        try:
            if error is not None:
                self._fail(error, envelope)
            else:
                self._answer(envelope, response)
        finally:
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
        error = as_exception(error)
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
            self._end().fail(error, partial(self.actor.on_failure, type(error), error, error.__traceback__))

    def _panic(self, error: BaseException, envelope: Envelope) -> None:
        """Stop all actors, as Pykka does for everything that isn't an ordinary exception."""
        logger.debug("%r in %s. Stopping all actors.", error, self.actor)
        self.termination.error = error
        if envelope.reply_to is not None:
            refuse(envelope, ActorGoneError())
        self._end().stop()
        ActorRegistry.stop_all(block=False)

    def kill(self, error: BaseException | None = None) -> None:
        """End now, without hooks: cancel what runs and answer what waits. Callable from any thread."""
        self.dispatcher.loop.call_soon_threadsafe(self._kill, error)

    def _kill(self, error: BaseException | None) -> None:
        if not self.termination.ended:
            self._end().kill(error)

    def _end(self) -> Ending:
        if self.ending is None:
            self.ending = Ending(self)
        return self.ending

    def spawn(
        self,
        work: Work,
        done: Done | None = None,
        failed: Failure | None = None,
    ) -> asyncio.Task[Any]:
        """Start a child task; see `AsyncioActor.spawn`."""
        if self.termination.is_set():
            work.close()
            raise ActorGoneError(f"{self.urn} is stopping")
        if self.children is None:
            self.children = Children(self.mailbox, self.dispatcher.loop)
        return self.children.start(work, self.envelope, done, failed)
