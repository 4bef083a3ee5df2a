"""Limits that no header announces: learnt from refusals alone."""

GAP_S = 0.5
LONGEST_GAP_S = 10.0
RECOVERY = 0.8


class Slowdown:
    """Keeps a distance between requests of one kind in one channel.

    Every refusal doubles the distance, every success shortens it by a fifth until it vanishes.
    """

    __slots__ = ("_gap", "_paused_until", "_taken_at")

    def __init__(self) -> None:
        self._gap = 0.0
        self._paused_until = 0.0
        self._taken_at = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next request may leave."""
        return max(0.0, self._paused_until - now, self._taken_at + self._gap - now if self._gap else 0.0)

    def take(self, now: float) -> None:
        """Note that a request leaves."""
        self._taken_at = now

    def refused(self, retry_after: float, now: float) -> None:
        """Learn from a refusal."""
        self._paused_until = max(self._paused_until, now + retry_after)
        self._gap = min(LONGEST_GAP_S, max(GAP_S, 2 * self._gap))

    def passed(self) -> bool:
        """Learn from a success; true when nothing is held back any more."""
        self._gap = self._gap * RECOVERY if self._gap > GAP_S / 4 else 0.0
        return self._gap == 0.0
