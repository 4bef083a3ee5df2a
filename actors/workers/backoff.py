"""How long to wait before starting again what has just ended."""

import random


class Backoff:
    """None at the first failure, then from `first_s` doubling to `most_s`, with jitter.

    A life of `healthy_s` forgives all failures before it.
    """

    def __init__(
        self, first_s: float = 0.2, most_s: float = 10.0, healthy_s: float = 10.0, seed: int | None = None
    ) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._healthy_s = healthy_s
        self._failures = 0
        self._random = random.Random(seed)  # noqa: S311 - jitter, not cryptography

    def after(self, lived_s: float) -> float:
        """Return the seconds to wait after a life of `lived_s`."""
        if lived_s >= self._healthy_s:
            self._failures = 0
        self._failures += 1
        if self._failures == 1:
            return 0.0
        ceiling = min(self._most_s, self._first_s * 2 ** min(self._failures - 2, 30))
        return self._random.uniform(ceiling / 2, ceiling)
