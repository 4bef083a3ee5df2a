"""Pykka's thread actor, for the few libraries that block, safe to use from a loop."""

from typing import Any, ClassVar, Self, cast

import pykka
from pykka import ActorRegistry
from typing_extensions import override

from actors.runtime.envelope import Failed
from actors.runtime.future import AsyncioFuture
from actors.runtime.ref import LoopAwareRef
from actors.runtime.termination import Termination


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
        cast("Termination", self.actor_stopped).end()
