"""The way to every model: circuit, limit and queue per (server, model), around whatever answers requests."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import Literal, NamedTuple

import msgspec

from actors.models.address import without_secrets
from actors.models.chat import ChatEvent, ChatModel, ChatRequest, Endpoint, Finished
from actors.models.errors import (
    BadAnswerError,
    EmptyAnswerError,
    ModelError,
    ModelOverloadedError,
    ModelRateLimitedError,
    ModelRestingError,
    ModelTimeoutError,
    ModelUnavailableError,
    StreamBrokenError,
)
from actors.workers.errors import WorkerLostError
from config import metrics
from config.logs import get_logger
from supervision.breaker import BreakerState
from supervision.errors import CircuitOpenError, QueueFullError
from supervision.gate import Gate, GatePolicy, Pass
from supervision.limiter import LimitPolicy

log = get_logger(__name__)

FAIR_S = 2.0
"""A model that was silent for less than this when the time ran out is not to blame."""

RESERVE_S = 1.0
"""What must be left of a deadline when a place comes free; later nobody asks any more."""

CLOCKS_S = 0.05
"""How far the loop's clock and that of deadlines may be apart."""

LONGEST_S = 600.0
"""How long a request without a deadline waits for a place."""

STATES: tuple[BreakerState, ...] = ("closed", "half_open", "open")
Outcome = Literal["answered", "failed", "refused", "declined", "cancelled", "resting", "overloaded"]

FAULTS = (ModelUnavailableError, ModelTimeoutError, StreamBrokenError, BadAnswerError)
"""The other side's own. Refused content, long prompts, bad requests and keys say nothing of its health."""


class ModelKey(NamedTuple):
    """What a circuit belongs to: a model of a server. The address is without secrets."""

    provider: str
    model: str


EMBEDDED = ModelKey("embedded", "embedded")


class ModelState(msgspec.Struct, frozen=True):
    """How one model is doing. `retry_after_s` is 0 when it may be asked now; `answers` counts good ends."""

    provider: str
    model: str
    state: BreakerState
    retry_after_s: float
    in_flight: int
    waiting: int
    limit: int
    answers: int
    failures: int


def key_of(endpoint: Endpoint | None) -> ModelKey:
    """Return what the circuit of an endpoint is kept under."""
    return EMBEDDED if endpoint is None else ModelKey(without_secrets(endpoint.base_url), endpoint.model)


class GuardedChat:
    """A `ChatModel` that asks `model` only where and when it makes sense. It never asks twice.

    Args:
        model: what answers.
        policy: of every server's models.
        slots: streams at once that the embedded model has room for.
        wall: Unix time, in which deadlines are given.
    """

    def __init__(
        self, model: ChatModel, policy: GatePolicy, slots: int, wall: Callable[[], float] = time.time
    ) -> None:
        self._model = model
        self._policy = policy
        self._slots = slots
        self._wall = wall
        self._lanes: dict[ModelKey, _Lane] = {}

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Yield deltas and at last one `Finished`; closing the iterator cancels the generation.

        Raises:
            ModelRestingError: the circuit is open for longer than it makes sense to wait.
            ModelOverloadedError: no place among those who ask at once, nor in the queue.
            ModelError: any other failure, typed by cause.
        """
        deadline = request.deadline or self._wall() + LONGEST_S
        visit = await self._lane(key_of(request.endpoint)).enter(deadline - self._wall())
        try:
            async with aclosing(self._model.stream(request)) as events:
                async for event in events:
                    visit.hear(event)
                    yield event
            visit.fail(StreamBrokenError())
        except ModelError as error:
            visit.fail(error)
            raise
        except asyncio.CancelledError:
            if self._wall() >= deadline - CLOCKS_S:
                visit.fail(ModelTimeoutError())
            raise
        except GeneratorExit:
            visit.leave()
            raise
        finally:
            visit.end("cancelled", visit.place.released)

    def wait_s(self, endpoint: Endpoint | None) -> float:
        """Return the seconds until a model may be asked; 0 if it may be now, or never was."""
        lane = self._lanes.get(key_of(endpoint))
        return 0.0 if lane is None else lane.gate.retry_after_s

    def trust(self, endpoint: Endpoint | None) -> None:
        """Ask a model again from now on: somebody has looked after it."""
        if (lane := self._lanes.get(key_of(endpoint))) is not None:
            lane.trust()

    def states(self) -> tuple[ModelState, ...]:
        """Return how every model is doing that was ever asked."""
        return tuple(lane.state() for lane in self._lanes.values())

    def _lane(self, key: ModelKey) -> "_Lane":
        lane = self._lanes.get(key)
        if lane is None:
            policy = self._policy
            if key == EMBEDDED:
                policy = msgspec.structs.replace(policy, limit=LimitPolicy(most=self._slots))
            lane = self._lanes[key] = _Lane(key, policy)
        return lane


class _Lane:
    """The gate of one model, in the words of models."""

    def __init__(self, key: ModelKey, policy: GatePolicy) -> None:
        self.key = key
        self.now = asyncio.get_running_loop().time
        self.gate = Gate(policy, self.now)
        self.answers = self.failures = 0
        self._state: BreakerState = "closed"

    async def enter(self, left: float) -> "_Visit":
        try:
            return _Visit(self, await self.gate.enter(max(left - RESERVE_S, 0.0)))
        except CircuitOpenError as error:
            self.count("resting")
            raise self._resting(error.retry_after or 0.0) from error
        except QueueFullError as error:
            self.count("overloaded")
            raise ModelOverloadedError(f"{self.key.model}: {error}") from error

    def state(self) -> ModelState:
        gate = self.gate
        return ModelState(
            *self.key,
            state=gate.state,
            retry_after_s=gate.retry_after_s,
            in_flight=gate.in_flight,
            waiting=gate.waiting,
            limit=gate.limit,
            answers=self.answers,
            failures=self.failures,
        )

    def trust(self) -> None:
        self.gate.close_circuit()
        self._look()

    def count(self, outcome: Outcome) -> None:
        """Count a request by its end."""
        metrics.model_requests.labels(*self.key, outcome).inc()
        self.answers += outcome == "answered"
        self.failures += outcome in {"failed", "refused"}
        self._look()

    def _look(self) -> None:
        """Say so if the circuit has moved, and look again when time alone moves it."""
        state, before = self.gate.state, self._state
        if state == before:
            return
        self._state = state
        wait = self.gate.retry_after_s
        metrics.model_circuit.labels(*self.key).set(STATES.index(state))
        log.warning(
            "circuit_moved", **self.key._asdict(), before=before, state=state, retry_after_s=round(wait, 1)
        )
        if state == "open":
            self._look_when_due()

    def _look_when_due(self) -> None:
        """Note the moment from which a probe may go; failures may put it off meanwhile."""
        if self.gate.state == "open":
            asyncio.get_running_loop().call_later(self.gate.retry_after_s, self._look_when_due)
        else:
            self._look()

    def _resting(self, wait: float) -> ModelRestingError:
        failed = self.gate.cause == "failures"
        why = "after repeated failures" if failed else "because its server asked for a pause"
        when = f"try again in {max(1, math.ceil(wait))} s"
        return ModelRestingError(
            f"{self.key.model} at {self.key.provider} is not asked {why}; {when}",
            retry_after=wait,
            user_message=f"My model is resting {why}; {when}.",
        )


class _Visit:
    """One request that was let through: how it goes, and what that says of the model."""

    def __init__(self, lane: _Lane, place: Pass) -> None:
        self._lane = lane
        self._ended = self._heard = False
        self._now = lane.now
        self._silent_since = lane.now()
        self.place = place

    def hear(self, event: ChatEvent) -> None:
        self._silent_since = self._now()
        if isinstance(event, Finished):
            self.end("answered", self.place.succeeded)
        elif not self._heard:
            self._heard = True
            self.place.answered()

    def leave(self) -> None:
        """The reader has heard enough."""
        if self._heard:
            self.end("answered", self.place.succeeded)

    def fail(self, error: ModelError) -> None:
        """Lay the failure at the right door."""
        if isinstance(error, ModelRateLimitedError):
            self.end("refused", partial(self.place.refused, error.retry_after))
        elif isinstance(error, EmptyAnswerError):
            self.end("answered", self.place.succeeded)
        elif self._is_fault(error):
            self.end("failed", partial(self.place.failed, error.retry_after))
        else:
            self.end("declined", self.place.released)

    def end(self, outcome: Outcome, report: Callable[[], None]) -> None:
        """Report the end, once."""
        if not self._ended:
            self._ended = True
            report()
            self._lane.count(outcome)

    def _is_fault(self, error: ModelError) -> bool:
        if isinstance(error, WorkerLostError) or not isinstance(error, FAULTS):
            return False
        return not isinstance(error, ModelTimeoutError) or self._now() - self._silent_since >= FAIR_S
