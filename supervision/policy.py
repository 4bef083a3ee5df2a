"""When a child is started again, how soon, and how often before it is somebody else's problem."""

import sys
from typing import Literal

import msgspec

Restart = Literal["permanent", "transient", "temporary"]
"""permanent: always; transient: after a failure; temporary: never."""

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]
"""Who is restarted with a failed child: nobody, every child, or those that were started after it."""


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Delay before a restart: none the first time, then exponential with full jitter.

    Attributes:
        first_s: longest delay before the second restart in a row, in seconds.
        factor: growth of the longest delay from one restart to the next.
        cap_s: longest delay of all, in seconds.
        healthy_s: seconds of life after which a child's failures are forgotten.
    """

    first_s: float = 0.1
    factor: float = 2.0
    cap_s: float = 30.0
    healthy_s: float = 60.0

    def delay(self, failures: int, draw: float) -> float:
        """Return seconds to wait before the restart after `failures` in a row.

        Args:
            failures: at least one.
            draw: random number in [0, 1).
        """
        if failures <= 1:
            return 0.0
        exponent = min(failures - 2, 64)
        return draw * min(self.cap_s, self.first_s * self.factor**exponent)


ENDLESS = sys.maxsize
"""An intensity that is never reached: it never gives up."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How a supervisor treats its children.

    Attributes:
        strategy: who is restarted with a failed child.
        intensity: restarts within `period_s` that are allowed; one more and the supervisor gives up.
        period_s: seconds.
        backoff: delay before each restart.
        must_start: give up at once when a child cannot start at its very first time.
    """

    strategy: Strategy = "one_for_one"
    intensity: int = 3
    period_s: float = 30.0
    backoff: Backoff = Backoff()
    must_start: bool = False
