"""A bucket of requests as Discord's headers announce it."""

import math

from bot.delivery.calls import Told, Urgency

SAME_WINDOW_S = 0.25
"""Two ends of windows that differ by less are one, seen through different delays."""


class Bucket:
    """One window after another: so many requests, until a time that the headers tell.

    Requests in flight count as used. Intermediate edits spread over the window and leave one request for
    last words, so that these never wait for a new window because of them. Early edits go at once while more
    than half of the window is left.

    Attributes:
        limit: requests per window.
        seconds: length of a window.
        is_open: Discord announces no limit here.
    """

    __slots__ = (
        "_in_flight",
        "_is_guessed",
        "_left",
        "_resets_at",
        "_taken_at",
        "is_open",
        "limit",
        "seconds",
    )

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self.is_open = False
        self._is_guessed = True
        self._left = limit
        self._resets_at = -math.inf
        self._taken_at = -math.inf
        self._in_flight = 0

    def wait(self, urgency: Urgency, now: float) -> float:
        """Seconds until a request may leave; infinite while only an answer can tell."""
        if self.is_open:
            return 0.0
        within = now < self._resets_at
        free = (self._left if within else self.limit) - self._in_flight
        if urgency is Urgency.EARLY and free > self.limit // 2:
            return 0.0
        if urgency >= Urgency.EARLY:
            return self._wait_for_slot(free - min(1, self.limit - 1), now, within=within)
        if free > 0:
            return 0.0
        return self._resets_at - now if within else math.inf

    def _wait_for_slot(self, usable: int, now: float, *, within: bool) -> float:
        if not within:
            return 0.0 if usable > 0 else math.inf
        span = self._resets_at - self._taken_at
        due = self._resets_at if usable <= 0 else self._taken_at + span / (usable + 1)
        return max(0.0, due - now)

    def take(self, now: float) -> None:
        """Use one request; the first after a window starts the next."""
        if now >= self._resets_at:
            self._resets_at = now + self.seconds
            self._left = self.limit
            self._is_guessed = True
        self._taken_at = now
        self._in_flight += 1

    def answered(self, told: Told | None, now: float) -> None:
        """Learn from an answer; None if there was none."""
        self._in_flight -= 1
        if told is None:
            self._left = max(0, self._left - 1)
        elif told.limit is not None:
            self._learn(told, now)
        elif told.status < 300:  # noqa: PLR2004 - HTTP
            self.is_open = True

    def _learn(self, told: Told, now: float) -> None:
        resets_at = now + told.reset_after
        is_new = self._is_guessed or resets_at > self._resets_at + SAME_WINDOW_S
        if told.remaining == (told.limit or 0) - 1:
            self.seconds = told.reset_after
        self.is_open = False
        self.limit = told.limit or self.limit
        self._left = told.remaining if is_new else min(self._left, told.remaining)
        self._resets_at = resets_at if is_new else max(self._resets_at, resets_at)
        self._is_guessed = False

    def pause(self, until: float) -> None:
        """Let nothing leave before `until`: a request was refused."""
        self._left = 0
        self._resets_at = max(self._resets_at, until)

    def is_idle(self, now: float) -> bool:
        """True when nothing would be forgotten with this bucket."""
        return not self._in_flight and now >= self._resets_at
