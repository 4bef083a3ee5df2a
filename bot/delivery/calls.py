"""One request to Discord, as the limits see it, and what its answer says about them."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Literal

import msgspec

Kind = Literal["execute", "edit", "delete", "look", "list", "create", "dress", "typing"]
HTTP_TOO_MANY = 429


class Urgency(IntEnum):
    """Who goes first when not all can go: new messages, last words, then growing ones, the youngest first."""

    POST = 0
    FINAL = 1
    EARLY = 2
    EDIT = 3
    CARE = 4


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request: `path` without base and query; `channel_id` is where the webhook lives."""

    kind: Kind
    method: str
    path: str
    channel_id: int
    webhook_id: int = 0
    query: Mapping[str, str] = {}
    by_bot: bool = False


class Ticket:
    """A place in the line. `urgency` may rise while waiting; `since` is when the wish arose."""

    __slots__ = ("since", "urgency")

    def __init__(self, urgency: Urgency, since: float) -> None:
        self.urgency = urgency
        self.since = since


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's headers say; times in seconds. `limit` is None when no bucket was announced."""

    status: int
    limit: int | None = None
    remaining: int = 0
    reset_after: float = 0.0
    bucket: str = ""
    scope: str = ""
    retry_after: float = 0.0
    by_edge: bool = False

    @property
    def is_hidden_limit(self) -> bool:
        """True for a 429 that no header announced."""
        if self.status != HTTP_TOO_MANY or self.scope == "global" or self.by_edge:
            return False
        return self.scope == "shared" or self.limit is None or self.remaining > 0


def read_headers(status: int, headers: Mapping[str, str], retry_after: float | None = None) -> Told:
    """Read what Discord says about limits (topics, rate limits).

    Args:
        status: the HTTP status.
        headers: the answer's headers; names in any case if the mapping ignores case.
        retry_after: the same from the body, which is more precise than the header.
    """
    limit = headers.get("X-RateLimit-Limit")
    told_wait = _seconds(headers.get("Retry-After"))
    return Told(
        status=status,
        limit=int(limit) if limit is not None and limit.isdecimal() else None,
        remaining=int(_seconds(headers.get("X-RateLimit-Remaining"))),
        reset_after=_seconds(headers.get("X-RateLimit-Reset-After")),
        bucket=headers.get("X-RateLimit-Bucket", ""),
        scope="global" if headers.get("X-RateLimit-Global") else headers.get("X-RateLimit-Scope", ""),
        retry_after=told_wait if retry_after is None else retry_after,
        by_edge=status == HTTP_TOO_MANY and "Via" not in headers,
    )


def _seconds(value: str | None) -> float:
    try:
        return max(0.0, float(value or 0.0))
    except ValueError:
        return 0.0
