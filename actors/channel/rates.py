"""How many turns a person and a server may cause: token buckets, and a polite word to whom they stop."""

import math
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from actors.channel.silence import GUILD_RATE, USER_RATE
from storage.records import Message

MOST_BUCKETS = 20_000
"""Of each kind; beyond it the one that was unused for longest is forgotten, which fills it."""
TOLD_EVERY_S = 60.0
"""Somebody who goes on writing is told once in this time."""


class Rate(msgspec.Struct, frozen=True):
    """Turns per minute in the long run, and how many at once; a rate of 0 limits nothing."""

    per_min: float
    burst: float


class Refusal(msgspec.Struct, frozen=True):
    """A message is not answered: the reason for the ledger, and what to tell people, if anything."""

    reason: str
    words: str | None = None


class _Bucket(msgspec.Struct):
    tokens: float
    at: float
    told_at: float = -math.inf


class _Buckets:
    """A token bucket per key; a bucket that is not kept is full."""

    def __init__(self, rate: Rate) -> None:
        self._burst = max(rate.burst, 1.0)
        self._per_s = rate.per_min / 60
        self._buckets: OrderedDict[int, _Bucket] = OrderedDict()

    def missing_s(self, key: int | None, cost: float, now: float) -> float:
        """Return the seconds until a cost can be paid; one above the burst is paid by a full bucket."""
        if key is None or self._per_s <= 0:
            return 0.0
        bucket = self._filled(key, now)
        return max(0.0, min(cost, self._burst) - bucket.tokens) / self._per_s

    def pay(self, key: int | None, cost: float, now: float) -> None:
        """Take tokens out."""
        if key is not None and self._per_s > 0:
            self._filled(key, now).tokens -= min(cost, self._burst)

    def may_tell(self, key: int, now: float) -> bool:
        """Return whether it is time to say something, and take it as said."""
        bucket = self._filled(key, now)
        if bucket.at - bucket.told_at < TOLD_EVERY_S:
            return False
        bucket.told_at = bucket.at
        return True

    def _filled(self, key: int, now: float) -> _Bucket:
        bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
        self._buckets.move_to_end(key)
        if now > bucket.at:
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_s)
            bucket.at = now
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return bucket


class TurnRates:
    """Decides whether a message may cause turns; shared by all channels.

    Its clock is when messages were written, so what arrives late in one heap is judged as it was said.
    A person is limited everywhere together.

    Attributes:
        is_exempt: for whom no limit holds; what they cause counts for nobody.
    """

    def __init__(self, user: Rate, guild: Rate, is_exempt: Callable[[int], bool]) -> None:
        self._users, self._guilds = _Buckets(user), _Buckets(guild)
        self.is_exempt = is_exempt

    def admit(self, message: Message, turns: int) -> Refusal | None:
        """Pay for the turns that a message would cause; returns why that is not possible now."""
        author_id, guild_id, now = message.author.id, message.venue.guild_id, message.created_at.timestamp()
        if turns <= 0 or self.is_exempt(author_id):
            return None
        if (wait_s := self._users.missing_s(author_id, turns, now)) > 0:
            is_told = self._users.may_tell(author_id, now)
            return Refusal(USER_RATE, _tell_user(author_id, wait_s) if is_told else None)
        if guild_id is not None and (wait_s := self._guilds.missing_s(guild_id, turns, now)) > 0:
            is_told = self._guilds.may_tell(guild_id, now)
            return Refusal(GUILD_RATE, _tell_guild(wait_s) if is_told else None)
        self._users.pay(author_id, turns, now)
        self._guilds.pay(guild_id, turns, now)
        return None


def _whole(seconds: float) -> int:
    """Round up, but not for the sake of an error in the last digit."""
    return math.ceil(round(seconds, 3))


def _tell_user(user_id: int, wait_s: float) -> str:
    return (
        f"<@{user_id}>, you are writing faster than we can answer;"
        f" we will hear you again in {_whole(wait_s)} s."
    )


def _tell_guild(wait_s: float) -> str:
    return (
        "All of you together are writing faster than we can answer;"
        f" we will hear you again in {_whole(wait_s)} s."
    )
