"""Runs the ready actors of one event loop, a fair slice each."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Protocol

ACTOR_BUDGET = 32
"""Messages that one actor may handle before the next ready actor has its turn."""
PASS_BUDGET = 512
"""Messages that all actors together may handle before timers and sockets have their turn."""
PASS_SECONDS = 0.005
"""The same in time, looked at after each actor's slice."""


class Ready(Protocol):
    """An actor with something to do."""

    def run(self, budget: int) -> int:
        """Handle up to `budget` messages and return how many it were."""
        ...


class Dispatcher:
    """The queue of ready actors of a loop. An idle actor costs it nothing: no task, no timer, no thread.

    One callback on the loop serves all actors, in a context of its own, so that handlers don't run in the
    context (trace, log fields) of whoever happened to wake the loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._ready: deque[Ready] = deque()
        self._scheduled = False
        self._context = Context()

    def schedule(self, actor: Ready) -> None:
        """Let `actor` run soon; callable from any thread.

        Raises:
            RuntimeError: the loop is closed.
        """
        if self.loop.is_closed():  # also when a pass was due, which will never come
            raise RuntimeError("The loop is closed.")
        self._ready.append(actor)
        if not self._scheduled:
            self._schedule_pass()

    def _schedule_pass(self) -> None:
        self._scheduled = True
        if asyncio._get_running_loop() is self.loop:  # noqa: SLF001 - documented for runtimes
            self.loop.call_soon(self._pass, context=self._context)
        else:
            self.loop.call_soon_threadsafe(self._pass, context=self._context)

    def _pass(self) -> None:
        ready, budget = self._ready, PASS_BUDGET
        until = time.monotonic() + PASS_SECONDS
        try:
            while ready and budget > 0:
                budget -= self._run(ready.popleft(), min(ACTOR_BUDGET, budget)) or 1
                if time.monotonic() > until:
                    break
        finally:
            if not ready:
                self._scheduled = False
            if ready:  # the rest, or what another thread added in this instant
                self._schedule_pass()

    def _run(self, actor: Ready, budget: int) -> int:
        """Run a slice; an error that no actor is to blame for, as of a watcher, stops nobody."""
        try:
            return actor.run(budget)
        except Exception as error:  # noqa: BLE001 - reported to the loop's handler
            self._ready.append(actor)
            self.loop.call_exception_handler({"message": "A callback of an actor failed", "exception": error})
            return 1


def afterwards(call: Callable[[], object]) -> None:
    """Call `call` on the running loop once those have gone on who wait for what is handled now.

    An answer wakes its asker by a callback of the loop; what is called here comes behind it.
    """
    loop = asyncio.get_running_loop()
    loop.call_soon(loop.call_soon, call)


_dispatchers: dict[asyncio.AbstractEventLoop, Dispatcher] = {}


def dispatcher_of(loop: asyncio.AbstractEventLoop) -> Dispatcher:
    """Return the dispatcher of a loop, made on first use and forgotten after the loop is closed."""
    dispatcher = _dispatchers.get(loop)
    if dispatcher is None:
        for closed in [known for known in _dispatchers if known.is_closed()]:
            del _dispatchers[closed]
        dispatcher = _dispatchers.setdefault(loop, Dispatcher(loop))
    return dispatcher
