"""A limit of requests per time, kept without knowing when the server's window starts."""

import math
from collections import deque


class Occupancy:
    """A request occupies a place from its sending until `seconds` after its answer.

    The server counted it somewhere in between, so no window of the server, wherever it starts, can hold more
    than `limit` of our requests.
    """

    __slots__ = ("_ends", "_in_flight", "limit", "seconds")

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._ends: deque[float] = deque()
        self._in_flight = 0

    def wait(self, now: float) -> float:
        """Seconds until a place is free; infinite while only an answer can free one."""
        held = self.held(now)
        if held < self.limit:
            return 0.0
        needed = held - self.limit
        return self._ends[needed] - now if needed < len(self._ends) else math.inf

    def held(self, now: float) -> int:
        """Places that are taken."""
        while self._ends and self._ends[0] <= now:
            self._ends.popleft()
        return len(self._ends) + self._in_flight

    def take(self) -> None:
        """Occupy a place."""
        self._in_flight += 1

    def answered(self, now: float) -> None:
        """Note that the answer came, or that there will be none."""
        self._in_flight -= 1
        self._ends.append(now + self.seconds)
