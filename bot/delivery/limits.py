"""When a request may leave: what Discord's headers announce, what refusals taught, and the global gate.

Pure: the clock is given with each question. No number here is taken for Discord's truth; each is a default
until an answer says otherwise.
"""

import math
from collections.abc import Mapping
from typing import Final

from bot.delivery.buckets import SAME_WINDOW_S, Bucket
from bot.delivery.calls import HTTP_TOO_MANY, Call, Kind, Told, Urgency
from bot.delivery.hidden import Slowdown
from bot.delivery.occupancy import Occupancy
from config import metrics
from config.logs import get_logger

log = get_logger(__name__)

FIRST_GUESS: Final[Mapping[Kind, tuple[int, float]]] = {
    "execute": (5, 2.0),
    "edit": (5, 5.0),
    "typing": (5, 5.0),
}
"""Requests per seconds until headers speak (discord-api-docs issue 367, eris issue 1267)."""
OTHER_GUESS = (5, 5.0)
GLOBAL_PER_S = 45
"""Discord allows a bot 50 per second (topics, rate limits); the rest is for discord.py."""
LEAST_GLOBAL = 10
POSTS_PER_CHANNEL = (30, 60.0)
"""Webhook posts per channel, announced by no header (discord-api-docs issue 367)."""
INVALID_LIMIT = 9_000
INVALID_WINDOW_S = 600.0
"""Discord's edge blocks an address after 10,000 answers of 401, 403 or unshared 429 in ten minutes."""
EDGE_PAUSE_S = 60.0
_COUNTED_AS_INVALID = frozenset({401, 403, HTTP_TOO_MANY})


class Permit:
    """The right to send one request; it must be given to `Limits.answered` afterwards."""

    __slots__ = ("bucket", "call", "taken_at")

    def __init__(self, call: Call, bucket: Bucket, taken_at: float) -> None:
        self.call = call
        self.bucket = bucket
        self.taken_at = taken_at


class _Seen:
    """The last answer in a bucket that webhooks of a channel are believed to share."""

    __slots__ = ("at", "remaining", "resets_at", "webhook_id")

    def __init__(self, call: Call, told: Told, now: float) -> None:
        self.webhook_id = call.webhook_id
        self.at = now
        self.remaining = told.remaining
        self.resets_at = now + told.reset_after


class Limits:
    """All limits of one bot.

    Webhooks of one channel are believed to share a bucket until the headers contradict it: two windows
    open at the same time that end at different times. A refusal takes that back for good.

    Args:
        global_per_s: requests per second over all routes; 0 waits for Discord to refuse one first.
        posts_per_channel: webhook posts per channel and seconds; None for no such limit.
    """

    def __init__(
        self,
        global_per_s: int = GLOBAL_PER_S,
        posts_per_channel: tuple[int, float] | None = POSTS_PER_CHANNEL,
    ) -> None:
        self._global = Occupancy(global_per_s, 1.0) if global_per_s else None
        self._global_most = global_per_s or GLOBAL_PER_S
        self._paused_until = -math.inf
        self._banned_until = -math.inf
        self._eased_at = -math.inf
        self._posts_per_channel = posts_per_channel
        self._posts: dict[int, Occupancy] = {}
        self._buckets: dict[tuple[str, int, int], Bucket] = {}
        self._names: dict[Kind, str] = {}
        self._learnt: dict[str, tuple[int, float]] = {}
        self._seen: dict[tuple[str, int], _Seen] = {}
        self._apart: dict[str, bool] = {}
        self._hidden: dict[tuple[Kind, int], Slowdown] = {}
        self._invalid = Occupancy(INVALID_LIMIT, INVALID_WINDOW_S)

    def gate(self, now: float) -> float:
        """Seconds until any request may leave."""
        held = self._global.wait(now) if self._global else 0.0
        return max(self._paused_until - now, self.ban(now), held, self._invalid.wait(now), 0.0)

    def ban(self, now: float) -> float:
        """Seconds until Discord's edge no longer blocks us."""
        return max(0.0, self._banned_until - now)

    def wait(self, call: Call, urgency: Urgency, now: float) -> float:
        """Seconds until this request may leave; infinite while only an answer can tell."""
        waits = [self.gate(now), self._bucket(call).wait(urgency, now)]
        if slowdown := self._hidden.get((call.kind, call.channel_id)):
            waits.append(slowdown.wait(now))
        if posts := self._posts_in(call):
            waits.append(posts.wait(now))
        return max(waits)

    def take(self, call: Call, now: float) -> Permit:
        """Count a request that leaves now."""
        bucket = self._bucket(call)
        bucket.take(now)
        if self._global:
            self._global.take()
        if slowdown := self._hidden.get((call.kind, call.channel_id)):
            slowdown.take(now)
        if posts := self._posts_in(call):
            posts.take()
        return Permit(call, bucket, now)

    def answered(self, permit: Permit, told: Told | None, now: float) -> None:
        """Learn from an answer, or from its absence."""
        call = permit.call
        permit.bucket.answered(told, now)
        if self._global:
            self._global.answered(now)
        if posts := self._posts_in(call):
            posts.answered(now)
        if told is None:
            return
        if told.status in _COUNTED_AS_INVALID and told.scope != "shared":
            self._invalid.take()
            self._invalid.answered(now)
        if told.bucket:
            self._names[call.kind] = told.bucket
            self._learnt[told.bucket] = (permit.bucket.limit, permit.bucket.seconds)
            self._compare(permit, told, now)
        if told.status == HTTP_TOO_MANY:
            self._refused(permit, told, now)
        else:
            self._passed(call, now)

    @property
    def is_apart(self) -> Mapping[str, bool]:
        """By bucket name: true where webhooks of a channel turned out to have buckets of their own."""
        return self._apart

    def _bucket(self, call: Call) -> Bucket:
        name = self._names.get(call.kind, call.kind)
        key = (name, call.channel_id, call.webhook_id if self._apart.get(name) else 0)
        if (bucket := self._buckets.get(key)) is None:
            bucket = self._buckets.pop((call.kind, key[1], key[2]), None) or Bucket(*self._guess(call, name))
            self._buckets[key] = bucket
        return bucket

    def _guess(self, call: Call, name: str) -> tuple[int, float]:
        return self._learnt.get(name) or FIRST_GUESS.get(call.kind, OTHER_GUESS)

    def _posts_in(self, call: Call) -> Occupancy | None:
        if call.kind != "execute" or self._posts_per_channel is None:
            return None
        if (posts := self._posts.get(call.channel_id)) is None:
            posts = self._posts[call.channel_id] = Occupancy(*self._posts_per_channel)
        return posts

    def _compare(self, permit: Permit, told: Told, now: float) -> None:
        """Find out whether webhooks of a channel share this bucket."""
        call, key = permit.call, (told.bucket, permit.call.channel_id)
        last = self._seen.get(key)
        self._seen[key] = _Seen(call, told, now)
        if last is None or call.webhook_id == last.webhook_id or told.bucket in self._apart:
            return
        both_open = permit.taken_at >= last.at and now < last.resets_at - SAME_WINDOW_S
        differ = abs(now + told.reset_after - last.resets_at) > SAME_WINDOW_S
        if both_open and differ and told.remaining >= last.remaining:
            self._apart[told.bucket] = True

    def _refused(self, permit: Permit, told: Told, now: float) -> None:
        metrics.rate_limited.labels(_scope(told)).inc()
        log.info("rate_limited", kind=permit.call.kind, scope=_scope(told), seconds=told.retry_after)
        if told.by_edge:
            self._banned_until = now + max(told.retry_after, EDGE_PAUSE_S)
            log.error("blocked_by_edge", seconds=told.retry_after)
        elif told.scope == "global":
            self._paused_until = max(self._paused_until, now + told.retry_after)
            self._narrow(now)
        elif told.is_hidden_limit:
            key = (permit.call.kind, permit.call.channel_id)
            self._hidden.setdefault(key, Slowdown()).refused(told.retry_after, now)
        else:
            permit.bucket.pause(now + told.retry_after)
            if self._apart.get(told.bucket):
                self._apart[told.bucket] = False

    def _narrow(self, now: float) -> None:
        """Discord's global limit is lower than ours: go a fifth slower, and recover one per ten seconds."""
        if self._global is None:
            self._global = Occupancy(self._global_most, 1.0)
        elif now - self._eased_at > 1.0:
            self._global.limit = max(LEAST_GLOBAL, self._global.limit * 4 // 5)
        self._eased_at = now

    def _passed(self, call: Call, now: float) -> None:
        key = (call.kind, call.channel_id)
        if (slowdown := self._hidden.get(key)) and slowdown.passed():
            del self._hidden[key]
        if self._global and self._global.limit < self._global_most and now - self._eased_at > 10.0:  # noqa: PLR2004 - see _narrow
            self._global.limit += 1
            self._eased_at = now

    def forget_idle(self, now: float) -> None:
        """Drop what is known of channels where nothing happens."""
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_idle(now)}
        self._posts = {channel: posts for channel, posts in self._posts.items() if posts.held(now)}
        self._seen = {key: seen for key, seen in self._seen.items() if seen.resets_at > now}


def _scope(told: Told) -> str:
    if told.by_edge:
        return "edge"
    return "hidden" if told.is_hidden_limit else told.scope or "user"
