"""How many workers of a kind there should be, and what each of them takes of a cluster."""

import math
from collections.abc import Callable

import msgspec

FULL = 0.8
"""Share of its capacity up to which a worker is filled before another one is started."""

STANDBY = 1
"""Workers beyond those that the streams need. They serve too: the loss of one leaves room for its streams."""

SHRINK_S = 60.0
"""How long a worker must have been one too many before it is let go; then the next one may be."""


class GroupSize(msgspec.Struct, frozen=True):
    """The fewest and the most workers of a group."""

    least: int
    most: int

    @property
    def is_fixed(self) -> bool:
        """Load changes nothing."""
        return self.least == self.most


def read_size(text: str) -> GroupSize:
    """Return what `"2"` or `"2-8"` means; the pattern is that of the settings."""
    numbers = sorted(int(number) for number in text.split("-"))
    return GroupSize(numbers[0], numbers[-1])


def read_resources(text: str | None) -> dict[str, float]:
    """Return what `"CPU=1,speech=0.5"` means; the pattern is that of the settings."""
    pairs = (pair.partition("=") for pair in (text or "").split(",") if pair)
    return {name: float(amount) for name, _, amount in pairs}


class Group:
    """Follows the load: grows at once to what is needed, shrinks by one worker per `SHRINK_S`.

    Args:
        size: the bounds.
        clock: seconds.
    """

    def __init__(self, size: GroupSize, clock: Callable[[], float]) -> None:
        self.size = size
        self.count = size.least
        self._clock = clock
        self._needed_at = clock()

    def follow(self, streams: int, capacity: int) -> int:
        """Return how many workers to have for so many streams, of which one worker serves `capacity` well."""
        busy = max(1, math.ceil(streams / (capacity * FULL)))
        needed = min(max(busy + STANDBY, self.size.least), self.size.most)
        now = self._clock()
        if needed >= self.count:
            self.count, self._needed_at = needed, now
        elif now - self._needed_at >= SHRINK_S:
            self.count, self._needed_at = self.count - 1, now
        return self.count
