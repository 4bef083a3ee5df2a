"""How many calls at once another side takes: learned from what it refuses (additive increase, decrease)."""

from collections.abc import Callable

import msgspec


class LimitPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of an adaptive limit.

    Attributes:
        most: calls at once to begin with, and never more.
        least: calls at once that are always tried.
        hold_s: seconds after a refusal in which the limit that it taught is not tried to be passed.
    """

    most: int = 64
    least: int = 1
    hold_s: float = 60.0


class AdaptiveLimit:
    """Counts calls in flight and moves the limit. It never waits; who must wait is the caller's matter.

    A refusal while the limit was nearly used up says where the other side's own limit is: what is still in
    flight. Any other refusal is about the rate of calls, so the limit is halved. Once `hold_s` have passed
    since the last refusal, a full round of successes at the limit raises it by one.
    """

    def __init__(self, policy: LimitPolicy, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._held_until = 0.0
        self._lowered_at = float("-inf")
        self._round = 0
        self.limit = policy.most
        self.in_flight = 0

    @property
    def has_room(self) -> bool:
        """One more call may begin."""
        return self.in_flight < self.limit

    def enter(self) -> None:
        """Count a call that begins."""
        self.in_flight += 1

    def leave(self) -> None:
        """Count a call that has ended, however."""
        self.in_flight -= 1

    def succeeded(self) -> None:
        """Take in a good end of a call that is still counted."""
        if not self.has_room and self.limit < self._policy.most and self._clock() >= self._held_until:
            self._round += 1
            if self._round >= self.limit:
                self._move_to(self.limit + 1)

    def refused(self, begun: float) -> None:
        """Take in that the other side refused a call, which is still counted, for being one too many.

        Args:
            begun: when the call began, by the same clock.
        """
        others = self.in_flight - 1
        if others * 2 >= self.limit:
            self._held_until = self._clock() + self._policy.hold_s
            self._lower_to(others)
        elif begun >= self._lowered_at:
            self._lower_to(self.limit // 2)

    def _lower_to(self, limit: int) -> None:
        self._lowered_at = self._clock()
        self._move_to(max(self._policy.least, min(self.limit, limit)))

    def _move_to(self, limit: int) -> None:
        self.limit = limit
        self._round = 0
