"""What a server says when it refuses becomes the right error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from actors.models.refusals import (
    MESSAGE_LIMIT,
    Complaint,
    read_complaint,
    refusal,
)

pytestmark = pytest.mark.unit

TOO_LONG_MESSAGES = [
    "This model's maximum context length is 8192 tokens. However, you requested 9001 tokens.",
    "the request exceeds the available context size, try increasing it",
    "Trying to keep the first 9001 tokens when context the overflows.",
    "This endpoint's maximum context length is 32768 tokens",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "The decoder prompt (length 9001) is longer than the maximum model length of 2048; raise the context.",
]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":{"message":"bad","code":"context_length_exceeded"}}', ContextTooLongError),
        (
            400,
            b'{"error":{"code":400,"message":"x","type":"exceed_context_size_error"}}',
            ContextTooLongError,
        ),
        (400, b'{"error":{"message":"unknown field top_k","code":null}}', BadRequestError),
        (400, b'{"error":{"code":"content_filter","message":"no"}}', ContentRefusedError),
        (401, b'{"error":{"message":"No auth credentials found","code":401}}', ModelAuthError),
        (402, b'{"error":{"message":"Insufficient credits","code":402}}', ModelQuotaError),
        (
            403,
            b'{"error":{"code":403,"message":"f","metadata":{"reasons":["violence"]}}}',
            ContentRefusedError,
        ),
        (403, b'{"error":"forbidden"}', ModelAuthError),
        (404, b'{"error":"model \\"x\\" not found, try pulling it first"}', ModelNotFoundError),
        (404, b"404 page not found", ModelNotFoundError),
        (408, b"", ModelTimeoutError),
        (413, b"too large", BadRequestError),
        (422, b'{"detail":[{"loc":["body"],"msg":"field required"}]}', BadRequestError),
        (429, b'{"error":{"message":"slow down","code":"rate_limit_exceeded"}}', ModelRateLimitedError),
        (429, b'{"error":{"message":"pay","code":"insufficient_quota"}}', ModelQuotaError),
        (500, b"[]", ModelUnavailableError),
        (
            503,
            b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}',
            ModelUnavailableError,
        ),
        (504, b"<html>", ModelTimeoutError),
    ],
)
def test_a_refusal_has_its_type(status: int, body: bytes, kind: type[ModelError]) -> None:
    assert type(refusal(status, read_complaint(body))) is kind


@pytest.mark.parametrize("message", TOO_LONG_MESSAGES)
def test_a_prompt_that_is_too_long_is_known_by_words(message: str) -> None:
    assert type(refusal(400, Complaint(message))) is ContextTooLongError


@pytest.mark.parametrize(
    "message", ["temperature exceeds the maximum of 2", "In this context, no", "max_tokens is too large"]
)
def test_other_bad_requests_are_not_taken_for_long_prompts(message: str) -> None:
    assert type(refusal(400, Complaint(message))) is BadRequestError


def test_a_web_page_with_a_client_error_is_no_answer() -> None:
    assert type(refusal(405, Complaint("x"), as_html=True)) is BadAnswerError


def test_a_refusal_carries_when_to_come_back() -> None:
    assert refusal(429, Complaint("slow"), retry_after=7.0).retry_after == 7.0


def test_a_refusal_says_what_the_server_said() -> None:
    assert (
        str(refusal(400, read_complaint(b'{"error":{"message":"no  such\\nthing"}}')))
        == "HTTP 400: no such thing"
    )


def test_a_long_complaint_is_cut() -> None:
    assert len(read_complaint(b"x" * 5000).message) == MESSAGE_LIMIT


@given(body=st.binary(max_size=100))
def test_any_body_makes_some_complaint(body: bytes) -> None:
    assert isinstance(refusal(400, read_complaint(body)), BadRequestError)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"code":429,"message":"free","metadata":{"headers":{"X-RateLimit-Reset":"9"}}}}',
        b'[{"error":{"code":429,"message":"quota","details":[{"@type":"i"},{"retryDelay":"9s"}]}}]',
    ],
)
def test_a_pause_may_stand_in_the_body(body: bytes) -> None:
    error = refusal(429, read_complaint(body))
    assert (type(error), error.retry_after) == (ModelRateLimitedError, 9.0)


def test_a_header_goes_before_the_body() -> None:
    body = b'{"error":{"metadata":{"headers":{"Retry-After":"9"}}}}'
    assert refusal(503, read_complaint(body), retry_after=2.0).retry_after == 2.0


def test_people_are_told_when_to_try_again() -> None:
    assert refusal(429, Complaint("slow"), retry_after=6.2).user_message.endswith("; try again in 7 s.")


def test_a_pause_says_nothing_of_what_would_fail_again() -> None:
    assert refusal(401, Complaint("bad key"), retry_after=7.0).retry_after is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("overloaded_error", ModelUnavailableError),
        ("rate_limit_error", ModelRateLimitedError),
        ("permission_error", ModelAuthError),
        ("billing_error", ModelQuotaError),
        ("timeout_error", ModelTimeoutError),
    ],
)
def test_the_codes_of_anthropic_are_known(code: str, kind: type[ModelError]) -> None:
    assert type(refusal(529, Complaint("x", (code,)))) is kind
