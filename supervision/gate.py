"""The way to one other side: a bounded, fair queue before its circuit breaker and its adaptive limit."""

import asyncio
import math
from collections.abc import Callable
from typing import Literal

import msgspec

from supervision.breaker import Breaker, BreakerPolicy, BreakerState, Call
from supervision.errors import CircuitOpenError, QueueFullError
from supervision.limiter import AdaptiveLimit, LimitPolicy

Clock = Callable[[], float]
Cause = Literal["failures", "asked"]


class GatePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how many may wait.

    Attributes:
        breaker: when the circuit opens.
        limit: how many calls at once.
        most_waiting: places in the queue.
        patience_s: the longest that a call waits for the circuit; beyond that it is refused at once.
    """

    breaker: BreakerPolicy = BreakerPolicy()
    limit: LimitPolicy = LimitPolicy()
    most_waiting: int = 1024
    patience_s: float = 5.0


class Gate:
    """Lets calls through in the order in which they came. Everything runs on the loop that `clock` counts."""

    def __init__(self, policy: GatePolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._breaker = Breaker(policy.breaker, clock)
        self._limit = AdaptiveLimit(policy.limit, clock)
        self._queue: dict[asyncio.Future[Pass], None] = {}
        self._blocked_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.cause: Cause = "failures"

    @property
    def state(self) -> BreakerState:
        """The state of the circuit."""
        return self._breaker.state

    @property
    def retry_after_s(self) -> float:
        """Seconds until the circuit may let a call through; 0 when it does so now."""
        return self._breaker.retry_after_s

    @property
    def limit(self) -> int:
        """Calls that may be in flight at once, as learned so far."""
        return self._limit.limit

    @property
    def in_flight(self) -> int:
        """Calls that were let through and have not ended."""
        return self._limit.in_flight

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return len(self._queue)

    async def enter(self, within_s: float) -> "Pass":
        """Wait for a place and return it; whoever has it must report how the call ended.

        Args:
            within_s: seconds to wait at most.

        Raises:
            CircuitOpenError: the circuit won't let anybody through soon; its `retry_after` says when.
            QueueFullError: too many wait already, or no place came free in time.
        """
        if not self._queue and (place := self._admit()) is not None:
            return place
        if (resting := self._resting(within_s)) is not None:
            raise resting
        if len(self._queue) >= self._policy.most_waiting:
            raise QueueFullError(f"{len(self._queue)} calls wait already")
        return await self._wait(within_s)

    def close_circuit(self) -> None:
        """Trust the other side again, whatever was."""
        self._breaker.close()
        self._dispatch()

    def leave(self) -> None:
        """Free the place of a call that has ended."""
        self._limit.leave()
        self._dispatch()

    def refuse(self, refused: "Pass", retry_after: float | None) -> None:
        """Take in that the other side wants fewer calls; it is unwell only if there was but this one."""
        alone = self._limit.in_flight == 1
        self._limit.refused(refused.call.begun)
        if alone or retry_after:
            self.fail(refused, retry_after)
        else:
            refused.call.released()

    def fail(self, failed: "Pass", retry_after: float | None) -> None:
        """Take in that the other side is unwell."""
        was = self._breaker.state
        failed.call.failed(retry_after)
        if retry_after or was != "open":
            self.cause = "asked" if retry_after else "failures"

    def succeed(self, succeeded: "Pass") -> None:
        """Take in a good end."""
        self._limit.succeeded()
        succeeded.call.succeeded()

    def answered(self, answering: "Pass") -> None:
        """Take in that an answer has begun."""
        answering.call.answered()
        if self._queue:
            self._dispatch()

    async def _wait(self, within_s: float) -> "Pass":
        place: asyncio.Future[Pass] = asyncio.get_running_loop().create_future()
        self._queue[place] = None
        self._dispatch()
        try:
            async with asyncio.timeout(within_s):
                return await place
        except BaseException as error:
            self._queue.pop(place, None)
            if place.done() and not place.cancelled() and place.exception() is None:
                place.result().released()
            if isinstance(error, TimeoutError):
                raise self._in_vain() from error
            raise

    def _in_vain(self) -> CircuitOpenError | QueueFullError:
        """Return why a call has waited for nothing."""
        if self._breaker.allows:
            return QueueFullError("No place came free in time")
        return CircuitOpenError(retry_after=self._breaker.retry_after_s)

    def _admit(self) -> "Pass | None":
        """Return a place if there is one now."""
        if not self._limit.has_room:
            return None
        if not self._breaker.allows:
            if self._blocked_since is None:
                self._blocked_since = self._clock()
            return None
        self._blocked_since = None
        self._limit.enter()
        return Pass(self, self._breaker.acquire())

    def _resting(self, within_s: float = math.inf) -> CircuitOpenError | None:
        """Return why nobody needs to wait: the circuit outlasts time or patience."""
        wait = self._breaker.retry_after_s
        if wait > within_s:
            return CircuitOpenError(retry_after=wait)
        state = self._breaker.state
        blocked_s = 0.0 if self._blocked_since is None else self._clock() - self._blocked_since
        patience = self._policy.patience_s - (blocked_s if state == "half_open" else 0.0)
        is_hopeless = wait > patience if state == "open" else wait > 0 >= patience
        return CircuitOpenError(retry_after=wait) if is_hopeless else None

    def _dispatch(self) -> None:
        """Give free places to those who wait longest, or send everybody away if there will be none."""
        if self._queue and (resting := self._resting()) is not None:
            waiting, self._queue = self._queue, {}
            for place in waiting:
                if not place.done():
                    place.set_exception(CircuitOpenError(retry_after=resting.retry_after))
        while self._queue:
            place = next(iter(self._queue))
            free = None if place.done() else self._admit()
            if free is not None:
                place.set_result(free)
            elif not place.done():
                break
            del self._queue[place]
        self._look_again()

    def _look_again(self) -> None:
        """Come back when time alone may change something for those who wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait = self._breaker.retry_after_s
        if self._queue and wait > 0:
            soon = min(wait, self._policy.patience_s)
            self._timer = asyncio.get_running_loop().call_later(soon, self._dispatch)


class Pass:
    """A place of one call. The first report of its end counts and frees the place, later ones don't."""

    __slots__ = ("_ended", "_gate", "_heard", "call")

    def __init__(self, gate: Gate, call: Call) -> None:
        self._gate = gate
        self._ended = self._heard = False
        self.call = call

    def answered(self) -> None:
        """The other side has begun to answer."""
        if not self._heard:
            self._heard = True
            self._gate.answered(self)

    def succeeded(self) -> None:
        """The call came to a good end."""
        if not self._ended:
            self._gate.succeed(self)
            self._leave()

    def failed(self, retry_after: float | None = None) -> None:
        """The call failed by the other side's fault.

        Args:
            retry_after: seconds in which the other side doesn't want to be asked.
        """
        if not self._ended:
            self._gate.fail(self, retry_after)
            self._leave()

    def refused(self, retry_after: float | None = None) -> None:
        """The other side did not take the call for being one too many.

        Args:
            retry_after: seconds in which the other side doesn't want to be asked.
        """
        if not self._ended:
            self._gate.refuse(self, retry_after)
            self._leave()

    def released(self) -> None:
        """The call ended without telling anything, such as one that was cancelled."""
        if not self._ended:
            self.call.released()
            self._leave()

    def _leave(self) -> None:
        self._ended = True
        self._gate.leave()
