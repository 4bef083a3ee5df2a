"""Actors as supervised children, and a stable address for one that is restarted."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from actors.runtime.actor import AsyncioActor
from actors.runtime.envelope import Envelope, refuse
from actors.runtime.errors import ActorGoneError, KilledError
from actors.runtime.future import AsyncioFuture
from actors.runtime.ref import AsyncioRef, LoopAwareRef
from config.errors import TroupeError
from config.logs import get_logger
from supervision.child import Child, Vitals
from supervision.handle import Handle
from supervision.policy import Restart

A = TypeVar("A", bound=AsyncioActor)
log = get_logger(__name__)


class ActorLife:
    """A running actor on a loop."""

    def __init__(self, ref: AsyncioRef[Any]) -> None:
        self.ref = ref

    async def ended(self) -> BaseException | None:
        """Wait for its end; return what it failed of."""
        return (await self.ref.ended()).error

    async def stop(self) -> None:
        """Let it finish its mail and its `on_stop`."""
        await self.ref.stop(block=False)

    def kill(self) -> None:
        """Cancel what it does; its unread mail is handed on or answered."""
        self.ref.kill()

    def vitals(self) -> Vitals:
        """Look at its mailbox."""
        return Vitals(mailbox=len(self.ref.mailbox), work=self.ref.work)


class ThreadLife:
    """A running actor in a thread."""

    def __init__(self, ref: LoopAwareRef[Any]) -> None:
        self.ref = ref

    async def ended(self) -> BaseException | None:
        """Wait for its end; return what it failed of."""
        return (await self.ref.ended()).error

    async def stop(self) -> None:
        """Let it finish its mail and its `on_stop`."""
        await self.ref.stop(block=False)

    def kill(self) -> None:
        """A thread can't be ended from outside; it is told to stop and left alone."""
        self.ref.stop(block=False)
        log.error("thread_actor_left", actor=str(self.ref))


class ActorHandle:
    """Tell and ask an actor by a name that survives its restarts.

    What it left unread goes to its next incarnation, first of all the message that it failed of, unless that
    message has killed it `lives` times.
    """

    def __init__(
        self,
        name: str,
        *,
        dead_letter: Callable[[Any, BaseException], None] | None = None,
        limit: int = 1_000,
        lives: int = 3,
    ) -> None:
        """Make a name; `actor_child` gives it its bearers.

        Args:
            name: for people.
            dead_letter: gets a message that killed the actor `lives` times, and the error.
            limit: messages that wait while the actor is down.
            lives: incarnations that one message may kill.
        """
        self.name = name
        self._on_dead_letter = dead_letter
        self._handle: Handle[Envelope] = Handle(name, self._dead_letter, limit=limit, lives=lives)

    def __len__(self) -> int:
        return len(self._handle)

    @property
    def is_up(self) -> bool:
        """True while an incarnation receives messages."""
        return self._handle.is_borne

    def tell(self, message: Any) -> None:
        """Send `message` to the actor, or keep it until there is one.

        Raises:
            BufferFullError: the actor is down and too much waits already.
            OverloadedError: its mailbox is full.
        """
        self._handle.send(Envelope(message))

    def ask(self, message: Any, timeout: float) -> AsyncioFuture[Any]:
        """Ask the actor, or its next incarnation; errors are in the future."""
        future: AsyncioFuture[Any] = AsyncioFuture()
        future.timeout = timeout
        try:
            self._handle.send(Envelope(message, future, asyncio.get_running_loop().time() + timeout))
        except TroupeError as error:
            future.fail(error)
        return future

    def bear(self, ref: AsyncioRef[Any]) -> None:
        """Make `ref` the receiver until it ends."""
        ref.bequeath(partial(self._inherit, ref))
        self._handle.attach(ref.mailbox)

    def close(self) -> None:
        """There will be no further incarnation: answer what waits with `ActorGoneError`."""
        self._handle.close(lambda envelope: refuse(envelope, ActorGoneError()))

    def _inherit(self, ref: AsyncioRef[Any], unread: list[Envelope]) -> None:
        end = ref.termination
        self._handle.detach(ref.mailbox, unread, end.culprit, end.error)

    def _dead_letter(self, envelope: Envelope, error: BaseException) -> None:
        if self._on_dead_letter is not None:
            self._on_dead_letter(envelope.message, error)


def actor_child(
    name: str,
    start: Callable[[], AsyncioRef[A]],
    *,
    handle: ActorHandle | None = None,
    restart: Restart = "permanent",
    start_timeout_s: float = 10.0,
    stop_budget_s: float = 5.0,
) -> Child:
    """Supervise an actor; it counts as started when its `on_start` has come to its end.

    Args:
        name: unique among its siblings.
        start: starts an incarnation, e.g. `lambda: Greeter.start(ports)`.
        handle: the name that each incarnation bears.
        restart: when it is started again.
        start_timeout_s: seconds that `on_start` may take.
        stop_budget_s: seconds for its mail and its `on_stop` before it is killed.
    """

    async def begin() -> ActorLife:
        ref = start()
        if handle is not None:
            handle.bear(ref)
        try:
            await _wait_started(ref)
        except BaseException:
            ref.kill()
            raise
        return ActorLife(ref)

    return Child(
        name=name, start=begin, restart=restart, start_timeout_s=start_timeout_s, stop_budget_s=stop_budget_s
    )


async def _wait_started(ref: LoopAwareRef[Any]) -> None:
    started: AsyncioFuture[None] = AsyncioFuture()
    ref.termination.watch_start(lambda: started.set(None))
    await started
    if not ref.termination.started:
        raise ref.termination.error or KilledError()


def thread_child(
    name: str,
    start: Callable[[], LoopAwareRef[Any]],
    *,
    restart: Restart = "permanent",
    start_timeout_s: float = 10.0,
    stop_budget_s: float = 5.0,
) -> Child:
    """Supervise a `ThreadActor`; it counts as started when its `on_start` has come to its end.

    Args:
        name: unique among its siblings.
        start: starts an incarnation.
        restart: when it is started again.
        start_timeout_s: seconds that `on_start` may take; then it is told to stop and left behind.
        stop_budget_s: seconds that it has to finish; then it is left behind, for a thread can't be ended.
    """

    async def begin() -> ThreadLife:
        life = ThreadLife(start())
        try:
            await _wait_started(life.ref)
        except BaseException:
            life.kill()
            raise
        return life

    return Child(
        name=name, start=begin, restart=restart, start_timeout_s=start_timeout_s, stop_budget_s=stop_budget_s
    )
