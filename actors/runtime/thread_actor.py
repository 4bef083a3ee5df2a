"""Pykka's thread actor, for the few libraries that block, safe to use from a loop."""

import queue
from contextlib import suppress
from typing import Any, ClassVar, Self, cast

import pykka
from pykka import ActorRegistry
from pykka._envelope import Envelope
from typing_extensions import override

from actors.runtime.envelope import Failed, fulfil, is_stop_request, refuse
from actors.runtime.errors import ActorGoneError
from actors.runtime.future import AsyncioFuture
from actors.runtime.ref import LoopAwareRef
from actors.runtime.termination import Termination


class Inbox(queue.Queue[Envelope[Any]]):
    """Pykka's inbox, but it closes: what is put in after the end, the thread that does so answers."""

    def __init__(self) -> None:
        super().__init__()
        self._closed = False

    @override
    def put(self, item: Envelope[Any], block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        if self._closed:
            self.close()

    def close(self) -> None:
        """Answer what is unread, now and from now on."""
        self._closed = True
        with suppress(queue.Empty):
            while True:
                _answer(self.get_nowait())


def _answer(envelope: Envelope[Any]) -> None:
    if not is_stop_request(envelope.message):
        refuse(envelope, ActorGoneError())
    elif envelope.reply_to is not None:
        fulfil(envelope.reply_to)


class ThreadActor(pykka.ThreadingActor):
    """An actor with a thread of its own whose futures a loop can await.

    Stock futures block the loop that awaits them, and Pykka chooses the class of a future by the actor
    that answers; so this is the thread actor to use beside `AsyncioActor`.

    Attributes:
        traps_exits: the end of a linked actor is told to it as an `Exit` and doesn't end it.
    """

    use_daemon_thread = True
    traps_exits: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor_stopped = Termination()  # type: ignore[assignment] # an event as far as Pykka uses one
        self._actor_ref = LoopAwareRef(self)

    @classmethod
    @override
    def start(cls, *args: Any, **kwargs: Any) -> LoopAwareRef[Self]:  # pyright: ignore[reportIncompatibleMethodOverride] - Self can not be checked
        """Start the actor in a thread of its own."""
        return cast("LoopAwareRef[Self]", super().start(*args, **kwargs))

    @staticmethod
    @override
    def _create_actor_inbox() -> Inbox:
        return Inbox()

    @staticmethod
    @override
    def _create_future() -> AsyncioFuture[Any]:
        return AsyncioFuture()

    @override
    def _start_actor_loop(self) -> None:
        try:
            super()._start_actor_loop()
        except RuntimeError:  # no more threads: leave no zombie in the registry
            ActorRegistry.unregister(self._actor_ref)
            raise

    @override
    def _handle_receive(self, message: Any) -> Any:
        if isinstance(message, Failed):
            raise message.error
        return super()._handle_receive(message)

    @override
    def _handle_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        termination = cast("Termination", self.actor_stopped)
        if termination.error is None:
            termination.error = exception_value
        super()._handle_failure(exception_type, exception_value, traceback)

    @override
    def _actor_loop_setup(self) -> None:
        super()._actor_loop_setup()
        termination = cast("Termination", self.actor_stopped)
        if termination.error is None:
            termination.begin()

    @override
    def _actor_loop_teardown(self) -> None:
        super()._actor_loop_teardown()
        cast("Inbox", self.actor_inbox).close()
        cast("Termination", self.actor_stopped).end()
