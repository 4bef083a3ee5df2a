"""The decisions of a supervisor: events in, actions out, no clock, no task, no luck of its own."""

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Literal

import msgspec

from supervision.errors import DuplicateChildError, EscalatedError, SupervisionError, UnknownChildError
from supervision.policy import Policy, Restart

Phase = Literal["new", "running", "stopping", "failing", "over"]


class ChildState(Enum):
    """Where a child is in its life."""

    DOWN = "down"
    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"


class Start(msgspec.Struct, frozen=True):
    """Start an incarnation of a child after `delay_s` seconds; answer with `started` or `ended`."""

    name: str
    incarnation: int
    delay_s: float


class Stop(msgspec.Struct, frozen=True):
    """Stop an incarnation, or give up its start; answer with `ended`."""

    name: str
    incarnation: int


class Forget(msgspec.Struct, frozen=True):
    """The child is no more."""

    name: str


class Over(msgspec.Struct, frozen=True):
    """All children are down and nothing will happen any more; `error` when the supervisor gave up."""

    error: EscalatedError | None = None


Action = Start | Stop | Forget | Over


class Slot:
    """A child as the supervisor sees it.

    Attributes:
        incarnation: number of the latest start.
        failures: ends in a row that asked for a restart, with no healthy life between.
        restarts: restarts in all.
        since: when the state was entered, in seconds of the caller's clock.
        removed: it goes as soon as it is down.
    """

    __slots__ = ("failures", "incarnation", "name", "removed", "restart", "restarts", "since", "state")

    def __init__(self, name: str, restart: Restart, now: float) -> None:
        self.name = name
        self.restart = restart
        self.state = ChildState.DOWN
        self.incarnation = 0
        self.failures = 0
        self.restarts = 0
        self.since = now
        self.removed = False

    def enter(self, state: ChildState, now: float) -> None:
        """Change the state."""
        self.state = state
        self.since = now

    @property
    def alive(self) -> bool:
        """True while an incarnation exists or is on its way."""
        return self.state is not ChildState.DOWN


class Core:
    """Erlang's supervisor as a state machine.

    Children start in order, each after the one before has started or failed; they stop in reverse order, one
    after the other. A group that is restarted together is stopped in reverse order first and then started
    in order. Every method takes the time in seconds and returns what is to be done, in order.
    """

    def __init__(self, policy: Policy, draw: Callable[[], float]) -> None:
        """Make a supervisor without children.

        Args:
            policy: strategy, intensity and backoff.
            draw: gives random numbers in [0, 1).
        """
        self.policy = policy
        self.phase: Phase = "new"
        self.children: dict[str, Slot] = {}
        self._draw = draw
        self._recent: deque[float] = deque()
        self._to_stop: list[str] = []
        self._to_start: deque[str] = deque()
        self._delay_s = 0.0
        self._error: EscalatedError | None = None

    def boot(self, now: float) -> list[Action]:
        """Start all children; does nothing a second time."""
        if self.phase != "new":
            return []
        self.phase = "running"
        self._to_start.extend(self.children)
        return self._advance(now)

    def add(self, name: str, restart: Restart, now: float) -> list[Action]:
        """Add a child behind the others, and start it when the supervisor runs.

        Raises:
            DuplicateChildError: the name is taken.
            SupervisionError: the supervisor is stopping.
        """
        if name in self.children:
            raise DuplicateChildError(f"There is a child {name!r} already.")
        if self.phase not in {"new", "running"}:
            raise SupervisionError("The supervisor is stopping.")
        self.children[name] = Slot(name, restart, now)
        if self.phase == "new":
            return []
        if self.policy.strategy == "one_for_one":
            return self._start(self.children[name], 0.0, now)
        self._to_start.append(name)
        return self._advance(now)

    def remove(self, name: str, now: float) -> list[Action]:
        """Stop a child for good.

        Raises:
            UnknownChildError: there is none of this name.
        """
        slot = self._slot(name)
        slot.removed = True
        if not slot.alive:
            return [*self._forget(slot), *self._advance(now)]
        return self._stop(slot, now)

    def started(self, name: str, incarnation: int, now: float) -> list[Action]:
        """An incarnation is up."""
        slot = self.children.get(name)
        if slot is None or slot.incarnation != incarnation or slot.state is not ChildState.STARTING:
            return []
        slot.enter(ChildState.UP, now)
        return self._advance(now)

    def ended(
        self, name: str, incarnation: int, now: float, *, failed: bool, fatal: bool = False
    ) -> list[Action]:
        """An incarnation is gone, or its start failed (then `failed` is True).

        Args:
            name: of the child.
            incarnation: which one.
            now: seconds.
            failed: it did not end as it should.
            fatal: no restart would mend it.
        """
        slot = self.children.get(name)
        if slot is None or slot.incarnation != incarnation or not slot.alive:
            return []
        was, lived_s = slot.state, now - slot.since
        slot.enter(ChildState.DOWN, now)
        if not slot.removed and (
            was is ChildState.STOPPING or self.phase != "running" or name in self._to_stop
        ):
            return self._advance(now)
        is_first_start = was is ChildState.STARTING and incarnation == 1
        if failed and not slot.removed and (fatal or (self.policy.must_start and is_first_start)):
            return self._give_up(f"{name!r} {'cannot start' if is_first_start else 'failed for good'}.", now)
        if slot.removed or slot.restart == "temporary":
            return [*self._forget(slot), *self._advance(now)]
        if slot.restart == "permanent" or failed:
            return self._restart_after(slot, was, lived_s, now)
        self._discard_start(name)
        return self._advance(now)

    def shutdown(self, now: float) -> list[Action]:
        """Stop all children in reverse order."""
        if self.phase in {"new", "running"}:
            self.phase = "stopping"
            self._stop_everything()
        return self._advance(now)

    def rests(self, slot: Slot) -> bool:
        """True when a child is no more, or is down and nothing is on its way that would start it."""
        if self.children.get(slot.name) is not slot:
            return True
        return self.phase == "running" and not slot.alive and slot.name not in self._to_start

    def _restart_after(self, slot: Slot, was: ChildState, lived_s: float, now: float) -> list[Action]:
        healthy = was is ChildState.UP and lived_s >= self.policy.backoff.healthy_s
        slot.failures = 1 if healthy else slot.failures + 1
        return self._restart(slot, now)

    def _restart(self, slot: Slot, now: float) -> list[Action]:
        self._recent.append(now)
        while self._recent and now - self._recent[0] > self.policy.period_s:
            self._recent.popleft()
        if len(self._recent) > self.policy.intensity:
            limit = f"{self.policy.intensity} restarts in {self.policy.period_s:g} s"
            return self._give_up(f"{slot.name!r} failed; more than {limit}.", now)
        delay_s = self.policy.backoff.delay(slot.failures, self._draw())
        slot.restarts += 1
        if self.policy.strategy == "one_for_one":
            self._discard_start(slot.name)
            return [*self._start(slot, delay_s, now), *self._advance(now)]
        self._restart_group(slot)
        self._delay_s = max(self._delay_s, delay_s)
        return self._advance(now)

    def _restart_group(self, failed: Slot) -> None:
        """Stop and start those who depend on the failed child; temporary ones only stop."""
        names = list(self.children)
        if self.policy.strategy == "rest_for_one":
            names = names[names.index(failed.name) :]
        self._to_stop = [name for name in names if self.children[name].alive]
        self._to_start = deque(names)
        for name in names:
            slot = self.children[name]
            if slot.restart == "temporary" and slot.alive:
                slot.removed = True
                self._discard_start(name)

    def _give_up(self, why: str, now: float) -> list[Action]:
        self.phase = "failing"
        self._error = EscalatedError(why)
        self._stop_everything()
        return self._advance(now)

    def _stop_everything(self) -> None:
        self._to_start.clear()
        self._to_stop = [slot.name for slot in self.children.values() if slot.alive]

    def _advance(self, now: float) -> list[Action]:
        """Do the next step of what is under way: stops first, in reverse; then starts, in order."""
        actions: list[Action] = []
        while self._to_stop:
            slot = self.children.get(self._to_stop[-1])
            if slot is not None and slot.alive:
                return [*actions, *self._stop(slot, now)]
            self._to_stop.pop()
        if self.phase in {"stopping", "failing"}:
            actions += self._finish()
        elif self.phase == "running":
            actions += self._start_next(now)
        return actions

    def _finish(self) -> list[Action]:
        self.phase = "over"
        return [Over(self._error)]

    def _start_next(self, now: float) -> list[Action]:
        while self._to_start:
            slot = self.children[self._to_start[0]]
            if not slot.alive:
                delay_s, self._delay_s = self._delay_s, 0.0
                return self._start(slot, delay_s, now)
            if slot.state is not ChildState.UP:
                return []
            self._to_start.popleft()
        return []

    def _start(self, slot: Slot, delay_s: float, now: float) -> list[Action]:
        slot.incarnation += 1
        slot.enter(ChildState.STARTING, now)
        return [Start(slot.name, slot.incarnation, delay_s)]

    def _stop(self, slot: Slot, now: float) -> list[Action]:
        if slot.state is ChildState.STOPPING:
            return []
        slot.enter(ChildState.STOPPING, now)
        return [Stop(slot.name, slot.incarnation)]

    def _forget(self, slot: Slot) -> Iterable[Action]:
        self._discard_start(slot.name)
        del self.children[slot.name]
        return [Forget(slot.name)]

    def _discard_start(self, name: str) -> None:
        if name in self._to_start:
            self._to_start.remove(name)

    def _slot(self, name: str) -> Slot:
        slot = self.children.get(name)
        if slot is None:
            raise UnknownChildError(f"There is no child {name!r}.")
        return slot
