"""Where requests wait for their permit: the most urgent first, among equals the one that waits longest."""

import asyncio
import math
from collections.abc import Callable

from bot.delivery.calls import Call, Ticket, Told
from bot.delivery.errors import BannedError
from bot.delivery.limits import Limits, Permit

SWEEP_EVERY = 2048
"""Permits between two sweeps of what is known about idle channels."""
LONGEST_BAN_S = 100.0
"""A block by Discord's edge that lasts longer outlasts every delivery."""


class _Waiter:
    __slots__ = ("call", "permit", "ticket")

    def __init__(self, call: Call, ticket: Ticket, permit: asyncio.Future[Permit]) -> None:
        self.call = call
        self.ticket = ticket
        self.permit = permit

    @property
    def rank(self) -> tuple[int, float]:
        return self.ticket.urgency, self.ticket.since


class Line:
    """Grants permits as `Limits` allow. Belongs to one event loop.

    Args:
        limits: what is known about Discord's limits.
        now: a monotonic clock in seconds; the running loop's by default.
    """

    def __init__(self, limits: Limits, now: Callable[[], float] | None = None) -> None:
        self._limits = limits
        self._now = now
        self._waiting: list[_Waiter] = []
        self._timer: asyncio.TimerHandle | None = None
        self._granted = 0

    async def enter(self, call: Call, ticket: Ticket) -> Permit:
        """Wait for the permit to send `call`; every permit must come back through `leave`.

        Raises:
            BannedError: Discord blocks us for longer than it makes sense to wait.
        """
        loop = asyncio.get_running_loop()
        waiter = _Waiter(call, ticket, loop.create_future())
        self._waiting.append(waiter)
        self.serve()
        if waiter.permit.done():
            return waiter.permit.result()
        try:
            return await waiter.permit
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif waiter.permit.done() and not waiter.permit.cancelled() and not waiter.permit.exception():
                self.leave(waiter.permit.result(), None)
            raise

    def leave(self, permit: Permit, told: Told | None) -> None:
        """Give a permit back with what the answer said; None when there was no answer."""
        self._limits.answered(permit, told, self._clock())
        if self._waiting:
            self.serve()

    def serve(self) -> None:
        """Grant what may be granted now; call it after a ticket became more urgent."""
        now = self._clock()
        if (ban := self._limits.ban(now)) > LONGEST_BAN_S:
            self._send_away(ban)
        soonest = math.inf
        self._waiting = [waiter for waiter in self._waiting if not waiter.permit.cancelled()]
        for waiter in sorted(self._waiting, key=lambda one: one.rank):
            if (gate := self._limits.gate(now)) > 0:
                soonest = min(soonest, gate)
                break
            wait = self._limits.wait(waiter.call, waiter.ticket.urgency, now)
            if wait > 0:
                soonest = min(soonest, wait)
            else:
                self._grant(waiter, now)
        self._set_timer(soonest)

    def _grant(self, waiter: _Waiter, now: float) -> None:
        self._waiting.remove(waiter)
        waiter.permit.set_result(self._limits.take(waiter.call, now))
        self._granted += 1
        if self._granted % SWEEP_EVERY == 0:
            self._limits.forget_idle(now)

    def _send_away(self, ban: float) -> None:
        """Let nobody wait for the end of a block that outlasts every delivery."""
        for waiter in self._waiting:
            if not waiter.permit.done():
                waiter.permit.set_exception(BannedError(retry_after=ban))
        self._waiting.clear()

    def _set_timer(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and seconds < math.inf:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.serve)

    def _clock(self) -> float:
        return asyncio.get_running_loop().time() if self._now is None else self._now()
