"""Rate limits as Discord applies them: visible buckets, hidden limits, the global one.

Pure: the clock is given with each question. Windows are fixed and start with their first request.
Discord publishes few numbers; each is a setting here, with the source of its default.
"""

import hashlib
from collections.abc import Mapping
from typing import Literal

import msgspec

from sandbox.calls import Call

Scope = Literal["user", "global", "shared"]
OLD_S = 3600.0
OLD_EDIT_CODE = 30046


class Rate(msgspec.Struct, frozen=True):
    """So many requests per so many seconds."""

    requests: int
    seconds: float


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Every limit; None switches one off.

    Hidden limits answer 429 without any header that announced them.
    """

    global_: Rate | None = msgspec.field(default=Rate(50, 1.0), name="global")
    """50 per second and bot; interactions are exempt (Discord: topics, rate limits)."""
    message_create: Rate | None = Rate(5, 5.0)
    """Per channel (discord-api-docs issue 20)."""
    message_edit: Rate | None = Rate(5, 5.0)
    """Per channel (eris issue 1267)."""
    message_delete: Rate | None = Rate(5, 1.0)
    """Per channel; not documented."""
    webhook_execute: Rate | None = Rate(5, 2.0)
    """Per webhook (discord-api-docs issue 367)."""
    webhook_edit: Rate | None = Rate(5, 5.0)
    """Per channel or webhook, see `webhook_edit_per`; not documented."""
    webhook_edit_per: Literal["channel", "webhook"] = "channel"
    webhook_delete: Rate | None = Rate(5, 1.0)
    """Per webhook; not documented."""
    webhook_create: Rate | None = Rate(5, 5.0)
    """Per channel; not documented."""
    typing: Rate | None = Rate(5, 5.0)
    """Per channel; not documented."""
    reaction: Rate | None = Rate(1, 0.25)
    """Per channel; long seen, not documented."""
    interaction: Rate | None = Rate(5, 2.0)
    """Follow-ups and edits per interaction token (discordgo issue 1384)."""
    other: Rate | None = Rate(30, 1.0)
    """Every other route, each by itself; not documented."""
    hidden_webhook_channel: Rate | None = Rate(30, 60.0)
    """Webhook posts per channel, announced by no header (discord-api-docs issue 367)."""
    hidden_old_edit: Rate | None = Rate(30, 3600.0)
    """Edits per channel of messages older than an hour, refused with 30046; the real rate is unpublished."""
    invalid_requests: Rate | None = Rate(10_000, 600.0)
    """Answers of 401, 403 and unshared 429, then Cloudflare bans (Discord: topics, rate limits)."""
    identify: Rate | None = None
    """IDENTIFY per bot; Discord allows one per 5 s, which slows every test that restarts a bot."""
    gateway_sends: Rate | None = Rate(120, 60.0)
    """Frames from the bot per connection, then close code 4008 (events, gateway)."""


_KEPT = frozenset({"webhook_edit_per", "gateway_sends"})
NO_LIMITS = msgspec.convert(
    {name: None for name in Limits.__struct_encode_fields__ if name not in _KEPT}, Limits
)
"""REST without any limit."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """May the request pass, and what do the headers say? `retry_after` is None when it may."""

    headers: Mapping[str, str]
    retry_after: float | None = None
    scope: Scope = "user"
    code: int = 0
    banned: bool = False

    @property
    def body(self) -> dict[str, object]:
        """The JSON of Discord's 429."""
        message = "You are being rate limited."
        if self.scope == "shared":
            message = "The resource is being rate limited."
        if self.code == OLD_EDIT_CODE:
            message = "Maximum number of edits to messages older than 1 hour reached. Try again later"
        told: dict[str, object] = {
            "message": message,
            "retry_after": self.retry_after,
            "global": self.scope == "global",
        }
        return told | ({"code": self.code} if self.code else {})


class Window:
    """A fixed window of one limit."""

    __slots__ = ("ends", "rate", "used")

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.ends = 0.0
        self.used = 0

    def left(self, now: float) -> int:
        """Requests that may still pass in the window of `now`."""
        return self.rate.requests - (self.used if now < self.ends else 0)

    def take(self, now: float) -> None:
        """Count one request; the first starts a window."""
        if now >= self.ends:
            self.ends = now + self.rate.seconds
            self.used = 0
        self.used += 1

    def wait(self, now: float) -> float:
        """Seconds until the window ends."""
        return max(0.0, self.ends - now)


_SWEEP_AT = 4096
_EDITS = frozenset({"message_edit", "webhook_edit"})
_DISCORD_EPOCH_S = 1_420_070_400


class Limiter:
    """The windows of every limit."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._windows: dict[tuple[object, ...], Window] = {}

    def check(self, call: Call, now: float, wall: float) -> Verdict:
        """Count a request and say whether it passes.

        Args:
            call: the request.
            now: a monotonic clock, seconds.
            wall: seconds since the epoch, for the X-RateLimit-Reset header.
        """
        if (ban := self._window(("invalid",), self.limits.invalid_requests)) and ban.left(now) <= 0:
            return Verdict(headers={}, retry_after=ban.wait(now), banned=True)
        whole = None if call.exempt_from_global else self._window(("global",), self.limits.global_)
        if whole and whole.left(now) <= 0:
            return _refused(whole.wait(now), "global", {"X-RateLimit-Global": "true"})
        name, rate, key = self._bucket(call)
        window = self._window(key, rate)
        hidden, code = self._hidden(call, wall)
        if window and window.left(now) <= 0:
            return _refused(window.wait(now), "user", _headers(name, window, now, wall))
        if hidden and hidden.left(now) <= 0:
            headers = _headers(name, window, now, wall) if window else {}
            return _refused(hidden.wait(now), "shared", headers, code)
        for counted in (whole, window, hidden):
            if counted:
                counted.take(now)
        return Verdict(headers=_headers(name, window, now, wall) if window else {})

    def note_invalid(self, now: float) -> None:
        """Count an answer of 401, 403 or an unshared 429."""
        if window := self._window(("invalid",), self.limits.invalid_requests):
            window.take(now)

    def identify(self, now: float) -> bool:
        """Count an IDENTIFY; False when it comes too early."""
        window = self._window(("identify",), self.limits.identify)
        if window is None:
            return True
        passes = window.left(now) > 0
        if passes:
            window.take(now)
        return passes

    def _bucket(self, call: Call) -> tuple[str, Rate | None, tuple[object, ...]]:
        kind = call.kind
        if kind == "callback":
            return kind, None, (kind,)
        rate: Rate | None = getattr(self.limits, kind, self.limits.other)
        if kind == "interaction":
            return kind, rate, (kind, call.token)
        if kind == "webhook_edit" and self.limits.webhook_edit_per == "channel":
            return kind, rate, (kind, call.channel_id)
        if call.webhook_id:
            return kind, rate, (kind, call.webhook_id, call.token)
        name = call.route if kind == "other" else kind
        return name, rate, (name, call.channel_id)

    def _hidden(self, call: Call, wall: float) -> tuple[Window | None, int]:
        if call.kind == "webhook_execute":
            key = ("hidden", call.channel_id)
            return self._window(key, self.limits.hidden_webhook_channel), 0
        if call.kind in _EDITS and wall - written_at(call.message_id) > OLD_S:
            return self._window(("old", call.channel_id), self.limits.hidden_old_edit), OLD_EDIT_CODE
        return None, 0

    def _window(self, key: tuple[object, ...], rate: Rate | None) -> Window | None:
        if rate is None:
            return None
        window = self._windows.get(key)
        if window is None or window.rate != rate:
            window = self._windows[key] = Window(rate)
        return window

    def sweep(self, now: float) -> None:
        """Forget windows that have ended, once there are many."""
        if len(self._windows) > _SWEEP_AT:
            self._windows = {key: window for key, window in self._windows.items() if window.ends > now}


def bucket_hash(name: str) -> str:
    """Return the opaque id that X-RateLimit-Bucket shows for a kind of route."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def written_at(message_id: int) -> float:
    """Return the time inside a snowflake, seconds since the epoch."""
    return (message_id >> 22) / 1000 + _DISCORD_EPOCH_S


def _refused(wait: float, scope: Scope, headers: Mapping[str, str], code: int = 0) -> Verdict:
    retry_after = max(0.001, round(wait + 0.0005, 3))
    told = {**headers, "X-RateLimit-Scope": scope, "Retry-After": str(max(1, int(retry_after + 0.999)))}
    return Verdict(headers=told, retry_after=retry_after, scope=scope, code=code)


def _headers(name: str, window: Window, now: float, wall: float) -> dict[str, str]:
    wait = window.wait(now) if now < window.ends else window.rate.seconds
    return {
        "X-RateLimit-Limit": str(window.rate.requests),
        "X-RateLimit-Remaining": str(max(0, window.left(now))),
        "X-RateLimit-Reset": f"{wall + wait:.3f}",
        "X-RateLimit-Reset-After": f"{wait + 0.0005:.3f}",
        "X-RateLimit-Bucket": bucket_hash(name),
    }
