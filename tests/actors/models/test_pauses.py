"""How long a server wants to be left alone, as servers say it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.models.pauses import LONGEST_PAUSE_S, asked_pause, read_moment

pytestmark = pytest.mark.unit

NOW = 1_800_000_000.0


def pause(status: int = 429, **headers: str) -> float | None:
    """Read a pause from headers whose names have underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return asked_pause(status, named, NOW)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0.5 ", 0.5),
        ("-3", 0.0),
        ("99999999", LONGEST_PAUSE_S),
        ("inf", LONGEST_PAUSE_S),
        ("Fri, 15 Jan 2027 08:00:10 GMT", 10.0),
        ("Fri, 15 Jan 2027 07:59:50 GMT", 0.0),
        ("Fri, 15 Jan 2027 08:00:10 -0000", 10.0),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    assert pause(Retry_After=value) == seconds


def test_milliseconds_are_more_exact_than_seconds() -> None:
    assert pause(retry_after_ms="250", retry_after="1") == 0.25


def test_retry_after_counts_with_any_status() -> None:
    assert [pause(status, retry_after="3") for status in (429, 503, 529)] == [3.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("6m0s", 360.0), ("1s", 1.0), ("20ms", 0.02), ("2m59.56s", 179.56), ("1h2m", 3600.0), ("30", 30.0)],
)
def test_the_reset_of_a_used_up_limit_is_a_pause(value: str, seconds: float) -> None:
    read = pause(x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests=value)
    assert read == pytest.approx(seconds)


def test_a_limit_of_which_something_is_left_is_no_reason_to_wait() -> None:
    read = pause(
        x_ratelimit_remaining_requests="0",
        x_ratelimit_reset_requests="2s",
        x_ratelimit_remaining_tokens="9000",
        x_ratelimit_reset_tokens="50s",
    )
    assert read == 2.0


@pytest.mark.parametrize("moment", ["1800000012", "1800000012000"])
def test_a_reset_may_be_a_moment_in_unix_time(moment: str) -> None:
    assert pause(X_RateLimit_Reset=moment) == 12.0


def test_a_reset_may_be_a_date_of_the_internet() -> None:
    read = pause(
        anthropic_ratelimit_requests_remaining="0", anthropic_ratelimit_requests_reset="2027-01-15T08:00:20Z"
    )
    assert read == 20.0


def test_a_reset_says_nothing_without_a_refusal_for_the_rate() -> None:
    assert pause(503, x_ratelimit_reset_requests="5s") is None


def test_without_headers_nothing_is_said() -> None:
    assert asked_pause(429, {}) is None


@given(st.text(max_size=40))
def test_any_header_is_read_or_left(value: str) -> None:
    assert read_moment(value, NOW) is None or pause(Retry_After=value) is not None
