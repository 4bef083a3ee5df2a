"""A supervisor: keeps children alive by the decisions of `core`, on an event loop."""

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from config import metrics
from config.errors import TroupeError
from config.logs import get_logger
from supervision import core
from supervision.child import Branching, Child, Inspectable, Running, Vitals
from supervision.errors import EscalatedError, SupervisionError
from supervision.life import Life
from supervision.policy import Policy, Restart
from supervision.tree import Node

log = get_logger(__name__)


class Down(msgspec.Struct, frozen=True):
    """An incarnation of a child is gone.

    Attributes:
        reason: it ended as it should, failed (or never started), or was stopped by its supervisor.
        error: what it failed of.
    """

    supervisor: str
    name: str
    incarnation: int
    reason: Literal["normal", "failed", "stopped"]
    error: BaseException | None = None


class Supervisor:
    """Starts its children in order, restarts them by its policy, stops them in reverse order.

    It is itself a running child: supervisors form a tree, and one that gives up fails, which is for the one
    above it to judge. A supervisor lives once; a restarted one is a new one.
    """

    def __init__(
        self,
        name: str,
        children: Iterable[Child] = (),
        policy: Policy | None = None,
        *,
        clock: Callable[[], float] | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Make a supervisor that has not been started.

        Args:
            name: for people: logs, metrics and the tree.
            children: the children that are there from the start, in order.
            policy: strategy, intensity and backoff.
            clock: seconds; the time of the running loop by default.
            draw: random numbers in [0, 1) for the jitter.

        Raises:
            DuplicateChildError: two children have one name.
        """
        self.name = name
        self._core = core.Core(policy or Policy(), draw)
        self._clock = clock
        self._children: dict[str, Child] = {}
        self._lives: dict[str, Life] = {}
        self._monitors: list[Callable[[Down], None]] = []
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._error: EscalatedError | None = None
        self._last_failure: BaseException | None = None
        for child in children:
            self._children[child.name] = child
            self._core.add(child.name, child.restart, 0.0)

    async def start(self, *, wait: bool = True) -> "Supervisor":
        """Start the children.

        Args:
            wait: return when every child is up; else at once.

        Raises:
            EscalatedError: it gave up before all were up.
        """
        self._do(self._core.boot(self._now()))
        while wait and not self._settled():
            self._changed.clear()
            await self._changed.wait()
        if self._error is not None:
            raise self._error
        return self

    def _settled(self) -> bool:
        slots = self._core.children.values()
        return self._over.is_set() or all(
            slot.state is core.ChildState.UP or (not slot.alive and slot.incarnation > 0) for slot in slots
        )

    def add(self, child: Child) -> None:
        """Add a child and start it.

        Raises:
            DuplicateChildError: the name is taken.
            SupervisionError: the supervisor is stopping.
        """
        actions = self._core.add(child.name, child.restart, self._now())
        self._children[child.name] = child
        self._do(actions)

    async def begin(self, child: Child) -> None:
        """Add a child, start it, and wait until it is up.

        Raises:
            DuplicateChildError: the name is taken.
            EscalatedError: it gave up before.
            SupervisionError: it is stopping, or the child has ended already.
        """
        self.add(child)
        slot = self._core.children[child.name]
        while slot.state is not core.ChildState.UP:
            if self._error is not None:
                raise self._error
            if self._over.is_set() or self._core.rests(slot):
                raise SupervisionError(f"{child.name!r} ended before it was up.")
            self._changed.clear()
            await self._changed.wait()

    def remove(self, name: str) -> None:
        """Stop a child for good; a monitor tells when it is down.

        Raises:
            UnknownChildError: there is none of this name.
        """
        self._do(self._core.remove(name, self._now()))

    def __contains__(self, name: str) -> bool:
        return name in self._core.children

    def running(self, name: str) -> Running | None:
        """Return the live incarnation of a child."""
        life = self._lives.get(name)
        return None if life is None else life.running

    def monitor(self, callback: Callable[[Down], None]) -> Callable[[], None]:
        """Call `callback` for every incarnation that goes down; return what ends that."""
        self._monitors.append(callback)
        return lambda: self._monitors.remove(callback)

    async def ended(self) -> EscalatedError | None:
        """Wait until all is over; return the error when it gave up."""
        await self._over.wait()
        return self._error

    async def wait_failed(self) -> EscalatedError:
        """Wait until it has given up; for the root, whose failure ends the process with `EXIT_SOFTWARE`.

        Raises:
            SupervisionError: it was stopped instead.
        """
        error = await self.ended()
        if error is None:
            raise SupervisionError("The supervisor was stopped.")
        return error

    async def stop(self) -> None:
        """Stop the children in reverse order, each within its budget."""
        self._do(self._core.shutdown(self._now()))
        await self._over.wait()

    def kill(self) -> None:
        """End every child at once."""
        self._do(self._core.shutdown(self._now()))
        for life in reversed(list(self._lives.values())):
            life.kill()

    def _now(self) -> float:
        return asyncio.get_running_loop().time() if self._clock is None else self._clock()

    def _do(self, actions: list[core.Action]) -> None:
        for action in actions:
            match action:
                case core.Start():
                    self._begin(action)
                case core.Stop(name=name):
                    self._lives[name].stop()
                case core.Forget(name=name):
                    del self._children[name]
                case core.Over(error=error):
                    self._finish(error)
        self._changed.set()

    def _begin(self, start: core.Start) -> None:
        if start.incarnation > 1:
            metrics.actor_restarts.labels(self.name).inc()
            log.info(
                "child_restarts", supervisor=self.name, child=start.name, delay_s=round(start.delay_s, 3)
            )
        life = Life(self._children[start.name], start.incarnation, start.delay_s)
        self._lives[start.name] = life
        life.begin(self._up, self._down)

    def _up(self, life: Life) -> None:
        self._do(self._core.started(life.child.name, life.incarnation, self._now()))

    def _down(self, life: Life, error: BaseException | None) -> None:
        name = life.child.name
        del self._lives[name]
        reason: Literal["normal", "failed", "stopped"] = "normal" if error is None else "failed"
        if life.stopping:
            reason = "stopped"
        if error is not None:
            log.warning("child_failed", supervisor=self.name, child=name, error=type(error).__name__)
            if self._core.phase == "running":
                self._last_failure = error
        actions = self._core.ended(
            name, life.incarnation, self._now(), failed=error is not None, fatal=_is_fatal(error)
        )
        self._tell(Down(self.name, name, life.incarnation, reason, error))
        self._do(actions)

    def _tell(self, down: Down) -> None:
        """Tell the monitors; one that fails is no reason to leave the child alone."""
        for notify in list(self._monitors):
            try:
                notify(down)
            except Exception as failure:  # noqa: BLE001 - whatever it fails of is its own affair
                log.error("monitor_failed", supervisor=self.name, error=type(failure).__name__)  # noqa: TRY400 - a trace may show messages

    def _finish(self, error: EscalatedError | None) -> None:
        self._error = error
        if error is not None:
            error.__cause__ = self._last_failure
            error.fatal = _is_fatal(self._last_failure)
            log.error("supervisor_gave_up", supervisor=self.name, why=str(error))
        self._over.set()

    def snapshot(self) -> Node:
        """Return the tree below this supervisor as it is now."""
        return Node(
            name=self.name,
            kind="supervisor",
            state=self._core.phase,
            children=[self._node(slot) for slot in self._core.children.values()],
        )

    def _node(self, slot: core.Slot) -> Node:
        running = self.running(slot.name)
        vitals = running.vitals() if isinstance(running, Inspectable) else Vitals()
        below = running.snapshot() if isinstance(running, Branching) else None
        inner = below or Node(name=slot.name)
        return Node(
            name=slot.name,
            kind=inner.kind,
            state=slot.state.value if inner.state in {"running", "up"} else inner.state,
            restarts=slot.restarts,
            up_s=self._now() - slot.since if slot.state is core.ChildState.UP else None,
            mailbox=vitals.mailbox,
            work=vitals.work or inner.work,
            children=inner.children,
            hidden=inner.hidden,
        )


def _is_fatal(error: BaseException | None) -> bool:
    return isinstance(error, TroupeError) and error.fatal


def supervisor_child(
    name: str,
    make: Callable[[], Supervisor],
    *,
    restart: Restart = "permanent",
    wait: bool = True,
    start_timeout_s: float = 60.0,
    stop_budget_s: float = 20.0,
) -> Child:
    """Make a supervisor the child of another one.

    Args:
        name: unique among its siblings.
        make: makes a new supervisor for every incarnation.
        restart: when it is started again.
        wait: it counts as started when all its children are up; else at once.
        start_timeout_s: seconds for all its children together.
        stop_budget_s: seconds for all its children together.
    """

    async def start() -> Supervisor:
        supervisor = make()
        try:
            return await supervisor.start(wait=wait)
        except asyncio.CancelledError:
            supervisor.kill()
            raise

    return Child(
        name=name, start=start, restart=restart, start_timeout_s=start_timeout_s, stop_budget_s=stop_budget_s
    )
