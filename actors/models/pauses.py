"""How long a server that refuses wants to be left alone, in the many forms in which servers say it."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_PAUSE_S = 3600.0
TOO_MANY = 429

DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
"""`6m0s`, `1s`, `20ms`: what OpenAI and Groq put into `x-ratelimit-reset-…`."""

RESETS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
)
"""Pairs of headers: how much is left, and when there is more again. Sent with good answers as well."""

EPOCH_S = 1_000_000_000.0
EPOCH_MS = 1_000_000_000_000.0
"""A number from here on is a moment in Unix seconds or milliseconds (OpenRouter), not a duration."""


def asked_pause(status: int, headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds in which a server does not want to be asked, if it says so.

    `retry-after-ms` goes before `Retry-After` (as in OpenAI's own clients), both before the reset of a
    used-up limit, which counts with status 429 only.

    Args:
        status: of the answer.
        headers: of the answer.
        now: Unix time; the clock's by default.
    """
    now = time.time() if now is None else now
    headers = {name.lower(): value for name, value in headers.items()}
    pause = _number(headers.get("retry-after-ms", ""), 1000.0)
    if pause is None:
        pause = read_moment(headers.get("retry-after", ""), now)
    if pause is None and status == TOO_MANY:
        pause = _reset(headers, now)
    return None if pause is None else min(max(pause, 0.0), LONGEST_PAUSE_S)


def _reset(headers: Mapping[str, str], now: float) -> float | None:
    """Return when all used-up limits are filled again; a limit of which something is left does not count."""
    pauses = [
        pause
        for remaining, reset in RESETS
        if (_number(headers.get(remaining, "0")) or 0.0) <= 0
        and (pause := read_moment(headers.get(reset, ""), now)) is not None
    ]
    return max(pauses, default=None)


def read_moment(value: str, now: float) -> float | None:
    """Return the seconds from `now` that a header names: as number, duration, Unix time or date."""
    value = value.strip()
    if not value:
        return None
    number = _number(value)
    if number is not None:
        return _from_now(number, now)
    if (found := DURATION.fullmatch(value)) is not None:
        hours, minutes, seconds, millis = (float(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds + millis / 1000
    moment = _date(value)
    return None if moment is None else moment - now


def _from_now(number: float, now: float) -> float:
    if number >= EPOCH_MS:
        return number / 1000 - now
    return number - now if number >= EPOCH_S else number


def _number(text: str, per_second: float = 1.0) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number / per_second if number == number else None  # noqa: PLR0124 - NaN


def _date(value: str) -> float | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(value)
        except ValueError:
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None
