"""The supervisor's decisions against a model of the world that carries them out, in any order of events."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supervision.core import Action, ChildState, Core, Forget, Over, Start, Stop
from supervision.policy import Backoff, Policy

NAMES = [f"child {number}" for number in range(6)]
RESTARTS = st.sampled_from(["permanent", "transient", "temporary"])
FATAL = st.sampled_from([False] * 19 + [True])
BACKOFF = Backoff(first_s=1.0, factor=2.0, cap_s=8.0, healthy_s=30.0)


class World(RuleBasedStateMachine):
    """Carries out what the core says, and holds it to what a supervisor promises."""

    @initialize(
        strategy=st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
        intensity=st.integers(0, 6),
        must_start=st.sampled_from([False, False, False, True]),
        restarts=st.lists(RESTARTS, max_size=4),
        random=st.randoms(use_true_random=False),
    )
    def begin(
        self, strategy: Any, intensity: int, must_start: bool, restarts: list[Any], random: Any
    ) -> None:
        self.policy = Policy(
            strategy=strategy, intensity=intensity, period_s=20.0, backoff=BACKOFF, must_start=must_start
        )
        self.core = Core(self.policy, random.random)
        self.now = 0.0
        self.order: list[str] = []
        self.kinds: dict[str, Any] = {}
        self.alive: dict[str, int] = {}
        self.up: set[str] = set()
        self.stopping: set[str] = set()
        self.doomed: set[str] = set()
        self.removed: set[str] = set()
        self.done: set[str] = set()
        self.gave_up = False
        self.over: Over | None = None
        self.restarted_at: list[float] = []
        for name, restart in zip(NAMES, restarts, strict=False):
            self.core.add(name, restart, self.now)
            self._note(name, restart)
        self._carry_out(self.core.boot(self.now))

    def _note(self, name: str, restart: Any) -> None:
        self.order.append(name)
        self.kinds[name] = restart

    def _carry_out(self, actions: list[Action], *, removing: str | None = None) -> None:
        for action in actions:
            assert self.over is None or isinstance(action, Forget), "nothing follows the end"
            match action:
                case Start():
                    self._start(action)
                case Stop(name=name, incarnation=incarnation):
                    self._stop(name, incarnation, removing)
                case Forget(name=name):
                    assert name not in self.alive
                    self.order.remove(name)
                    self.removed.discard(name)
                    self.done.discard(name)
                case Over():
                    assert not self.alive
                    assert (action.error is not None) == self.gave_up
                    self.over = action

    def _start(self, start: Start) -> None:
        assert self.core.phase == "running", "who gives up or stops starts nobody"
        assert start.name not in self.alive, "one incarnation at a time"
        assert 0.0 <= start.delay_s <= BACKOFF.cap_s
        assert start.name not in self.removed
        if self.policy.strategy != "one_for_one":
            place = self.order.index(start.name)
            assert not [name for name in self.order[place + 1 :] if name in self.alive]
            leaving = self.removed & self.stopping
            assert self.up >= {name for name in self.order[:place] if name in self.alive} - leaving
        self.alive[start.name] = start.incarnation
        self.done.discard(start.name)

    def _stop(self, name: str, incarnation: int, removing: str | None) -> None:
        assert self.alive[name] == incarnation
        assert name not in self.stopping
        if name != removing:
            later = self.order[self.order.index(name) + 1 :]
            assert not [other for other in later if other in self.alive and other not in self.removed]
        self.stopping.add(name)

    def _gone(self, name: str, failed: bool, *, fatal: bool = False) -> None:
        hopeless = failed and self._is_hopeless(name, fatal)
        incarnation = self.alive.pop(name)
        was_up, was_stopping = name in self.up, name in self.stopping
        for names in (self.up, self.stopping, self.doomed):
            names.discard(name)
        if not was_stopping and was_up and not failed and self.kinds[name] == "transient":
            self.done.add(name)
        group = self._group(name) & set(self.alive)
        before, phase = self.core.children[name].restarts, self.core.phase
        actions = self.core.ended(name, incarnation, self.now, failed=failed, fatal=fatal)
        self._judge(hopeless, phase)
        slot = self.core.children.get(name)
        if slot is not None and slot.restarts > before:
            self.restarted_at.append(self.now)
            self.doomed = group
        self._carry_out(actions)

    def _is_hopeless(self, name: str, fatal: bool) -> bool:
        """True when the failure of a child is one that no restart mends, and nobody wanted its end."""
        if self.core.phase != "running" or name in self.stopping | self.doomed | self.removed:
            return False
        return fatal or (self.policy.must_start and name not in self.up and self.alive[name] == 1)

    def _group(self, name: str) -> set[str]:
        """Return who is stopped and started together with a child."""
        if self.policy.strategy == "one_for_one":
            return set()
        return set(
            self.order if self.policy.strategy == "one_for_all" else self.order[self.order.index(name) :]
        )

    def _judge(self, hopeless: bool, before: str) -> None:
        if before == "running" and self.core.phase != "running":
            self.gave_up = True
            is_due = hopeless or len(self._recent()) == self.policy.intensity
            assert is_due, "it gives up no sooner than it must"
        else:
            assert not hopeless, "it gives up at once"

    def _recent(self) -> list[float]:
        return [at for at in self.restarted_at if self.now - at <= self.policy.period_s]

    @precondition(lambda self: any(name not in self.up | self.stopping for name in self.alive))
    @rule(data=st.data())
    def comes_up(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(set(self.alive) - self.up - self.stopping)))
        self.up.add(name)
        self._carry_out(self.core.started(name, self.alive[name], self.now))

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), fatal=FATAL)
    def fails(self, data: st.DataObject, fatal: bool) -> None:
        self._gone(data.draw(st.sampled_from(sorted(self.alive))), failed=True, fatal=fatal)

    @precondition(lambda self: self.up)
    @rule(data=st.data())
    def ends(self, data: st.DataObject) -> None:
        self._gone(data.draw(st.sampled_from(sorted(self.up))), failed=False)

    @precondition(lambda self: self.stopping)
    @rule(data=st.data())
    def obeys(self, data: st.DataObject) -> None:
        self._gone(data.draw(st.sampled_from(sorted(self.stopping))), failed=False)

    @precondition(lambda self: self.core.phase == "running" and len(self.order) < len(NAMES))
    @rule(restart=RESTARTS)
    def is_added(self, restart: Any) -> None:
        name = next(name for name in NAMES if name not in self.order)
        self._note(name, restart)
        self._carry_out(self.core.add(name, restart, self.now))

    @precondition(lambda self: set(self.order) - self.removed)
    @rule(data=st.data())
    def is_removed(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([name for name in self.order if name not in self.removed]))
        self.removed.add(name)
        self._carry_out(self.core.remove(name, self.now), removing=name)

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.now > 10)
    @rule()
    def is_shut_down(self) -> None:
        self._carry_out(self.core.shutdown(self.now))

    @invariant()
    def knows_who_lives(self) -> None:
        assert {slot.name for slot in self.core.children.values() if slot.alive} == set(self.alive)
        assert {n for n, s in self.core.children.items() if s.state is ChildState.STOPPING} == self.stopping

    @invariant()
    def restarts_are_bounded(self) -> None:
        assert len(self._recent()) <= self.policy.intensity

    @invariant()
    def rests_only_when_all_is_well(self) -> None:
        """Whenever nothing is under way, everyone who should live lives, or all is over."""
        if self.over is not None or self.stopping or set(self.alive) != self.up:
            return
        assert self.core.phase == "running"
        wanted = {name for name in self.order if name not in self.done and name not in self.removed}
        assert wanted == self.up
