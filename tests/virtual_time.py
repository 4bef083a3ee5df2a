"""An event loop whose clock jumps to the next timer: hours pass in milliseconds, and no test sleeps."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from typing_extensions import override

T = TypeVar("T")
STUCK_AFTER_S = 10.0
"""Real seconds without any timer or ready callback after which the loop counts as stuck."""


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type] # chosen by platform
    """Instead of waiting for `timeout` it moves the clock, unless a socket or another thread has news."""

    now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            events: list[tuple[selectors.SelectorKey, int]] = super().select(STUCK_AFTER_S)
            if not events:
                raise RuntimeError("The test waits for something that nothing will bring about.")
            return events
        events = super().select(0)
        if not events and timeout > 0:
            self.now += timeout
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A selector loop in virtual time; it starts at 0 and moves only when everything waits.

    Work in other threads takes no virtual time: with a timer pending, the clock runs ahead of it.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    @override
    def time(self) -> float:
        return self._jumping.now


def run_virtually(story: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(story)


Virtually = Callable[[Coroutine[Any, Any, Any]], Any]
