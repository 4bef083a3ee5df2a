"""From what a server says when it refuses to the error that we raise."""

import math
import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from actors.models.errors import (
    BadAnswerError,
    BadRequestError,
    ContentRefusedError,
    ContextTooLongError,
    ModelAuthError,
    ModelError,
    ModelNotFoundError,
    ModelQuotaError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from actors.models.pauses import asked_pause

MESSAGE_LIMIT = 300

BY_STATUS: Mapping[int, type[ModelError]] = {
    401: ModelAuthError,
    402: ModelQuotaError,
    403: ModelAuthError,
    404: ModelNotFoundError,
    408: ModelTimeoutError,
    429: ModelRateLimitedError,
    504: ModelTimeoutError,
}

BY_CODE: Mapping[str, type[ModelError]] = {
    "context_length_exceeded": ContextTooLongError,
    "exceed_context_size_error": ContextTooLongError,
    "content_filter": ContentRefusedError,
    "content_policy_violation": ContentRefusedError,
    "insufficient_quota": ModelQuotaError,
    "invalid_api_key": ModelAuthError,
    "authentication_error": ModelAuthError,
    "model_not_found": ModelNotFoundError,
    "not_found_error": ModelNotFoundError,
    "not_found": ModelNotFoundError,
    "permission_error": ModelAuthError,
    "billing_error": ModelQuotaError,
    "rate_limit_exceeded": ModelRateLimitedError,
    "rate_limit_error": ModelRateLimitedError,
    "unavailable_error": ModelUnavailableError,
    "overloaded_error": ModelUnavailableError,
    "engine_overloaded_error": ModelUnavailableError,
    "api_error": ModelUnavailableError,
    "server_error": ModelUnavailableError,
    "timeout_error": ModelTimeoutError,
}

NAMES_A_PAUSE: Mapping[type[ModelError], str] = {
    ModelRateLimitedError: "I am being asked too much at once",
    ModelUnavailableError: "My model server needs a pause",
    ModelTimeoutError: "My model server needs a pause",
}
"""Errors for which a server says how long it wants to be left alone."""

TOO_LONG = re.compile(
    r"(maximum|available|exceed\w*|longer than|larger than)\W.{0,60}\bcontext\b"
    r"|context (length|window|size)\W.{0,60}\b(exceed|only|maximum|overflow)"
    r"|prompt is too long|context the overflows",
    re.IGNORECASE,
)


class Complaint(msgspec.Struct, frozen=True):
    """What the server said, from any of the error shapes.

    Attributes:
        message: in its words.
        codes: its code and its type.
        flagged: a filter of the provider's objected.
        headers: those that OpenRouter repeats in the body, and Google's delay as `Retry-After`.
    """

    message: str = ""
    codes: tuple[str, ...] = ()
    flagged: bool = False
    headers: dict[str, str] = {}

    @property
    def status(self) -> int | None:
        """The HTTP status that the server meant, where a code is one."""
        return next((int(code) for code in self.codes if re.fullmatch(r"[45]\d\d", code)), None)


def read_complaint(body: bytes) -> Complaint:
    """Read `{"error": {…}}`, `{"error": "…"}`, `{"object": "error", …}`, `{"detail": …}`, else plain text."""
    try:
        decoded = msgspec.json.decode(body)
        value = _as_object(next(iter(_as_list(decoded)), decoded))
    except msgspec.DecodeError:
        value = None
    if value is None:
        return Complaint(_shorten(body.decode(errors="replace")))
    said = value.get("error") or value.get("detail") or value
    error = _as_object(said)
    if error is None:
        return Complaint(_shorten(said if isinstance(said, str) else str(said)))
    return _from_object(error)


def _from_object(error: dict[str, Any]) -> Complaint:
    codes = tuple(
        str(error[key]).lower() for key in ("code", "type") if isinstance(error.get(key), str | int)
    )
    metadata = _as_object(error.get("metadata")) or {}
    flagged = bool(metadata.get("flagged_input") or metadata.get("reasons"))
    return Complaint(_shorten(str(error.get("message") or "")), codes, flagged, _headers(error, metadata))


def _headers(error: dict[str, Any], metadata: dict[str, Any]) -> dict[str, str]:
    """Return what the body says of when to come back, in the form of headers."""
    headers = {name: str(value) for name, value in (_as_object(metadata.get("headers")) or {}).items()}
    for detail in _as_list(error.get("details")):
        if delay := (_as_object(detail) or {}).get("retryDelay"):
            headers["Retry-After"] = str(delay)
    return headers


def _as_object(value: object) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _as_list(value: object) -> list[Any]:
    return msgspec.convert(value, list[Any]) if isinstance(value, list) else []


def refusal(
    status: int, complaint: Complaint, retry_after: float | None = None, *, as_html: bool = False
) -> ModelError:
    """Return the error for an HTTP status and what came with it.

    Args:
        status: the HTTP status, or the one named in an error event.
        complaint: what the server said.
        retry_after: seconds, when the server said so.
        as_html: the answer was a web page, so the status is that of some other server.
    """
    message = f"HTTP {status}: {complaint.message or 'no reason given'}"
    if retry_after is None:
        retry_after = asked_pause(status, complaint.headers)
    kind = _kind(status, complaint)
    if as_html and kind is BadRequestError:
        kind = BadAnswerError
    asked = retry_after if kind in NAMES_A_PAUSE else None
    return kind(message, retry_after=asked, user_message=_words(kind, asked))


def _words(kind: type[ModelError], pause: float | None) -> str | None:
    """Say when to try again, where that is known."""
    if not pause:
        return None
    return f"{NAMES_A_PAUSE[kind]}; try again in {math.ceil(pause)} s."


def _kind(status: int, complaint: Complaint) -> type[ModelError]:
    named = next((BY_CODE[code] for code in complaint.codes if code in BY_CODE), None)
    if named is not None:
        return named
    if complaint.flagged:
        return ContentRefusedError
    if status in BY_STATUS:
        return BY_STATUS[status]
    if TOO_LONG.search(complaint.message):
        return ContextTooLongError
    return ModelUnavailableError if status >= 500 else BadRequestError  # noqa: PLR2004 - the 5xx class


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"
