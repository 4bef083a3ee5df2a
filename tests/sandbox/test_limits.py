from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.calls import Call, classify
from sandbox.limits import NO_LIMITS, Limiter, Limits, Rate, Window, bucket_hash

pytestmark = pytest.mark.unit

APPLICATION = 9


def call(method: str, path: str, channel: int = 0) -> Call:
    return classify(method, path, application_id=APPLICATION, channel_of_webhook=channel)


def execute(webhook: int = 5, channel: int = 1) -> Call:
    return call("POST", f"/webhooks/{webhook}/token", channel)


@pytest.mark.parametrize(
    ("method", "path", "kind", "route"),
    [
        ("POST", "/channels/1/messages", "message_create", "POST /channels/{id}/messages"),
        ("PATCH", "/channels/1/messages/2", "message_edit", "PATCH /channels/{id}/messages/{id}"),
        ("DELETE", "/channels/1/messages/2", "message_delete", "DELETE /channels/{id}/messages/{id}"),
        ("GET", "/channels/1/messages/2", "other", "GET /channels/{id}/messages/{id}"),
        ("PUT", "/channels/1/messages/2/reactions/%F0/@me", "reaction", None),
        ("POST", "/webhooks/5/abc", "webhook_execute", "POST /webhooks/{id}/{token}"),
        ("PATCH", "/webhooks/5/abc/messages/7", "webhook_edit", "PATCH /webhooks/{id}/{token}/messages/{id}"),
        ("DELETE", "/webhooks/5/abc/messages/7", "webhook_delete", None),
        ("PATCH", "/webhooks/9/abc/messages/@original", "interaction", None),
        ("POST", "/webhooks/9/abc", "interaction", "POST /webhooks/{id}/{token}"),
        ("POST", "/interactions/4/abc/callback", "callback", "POST /interactions/{id}/{token}/callback"),
        ("POST", "/channels/1/typing", "typing", "POST /channels/{id}/typing"),
        ("POST", "/channels/1/webhooks", "webhook_create", "POST /channels/{id}/webhooks"),
        ("GET", "/users/@me", "other", "GET /users/@me"),
    ],
)
def test_requests_are_classified(method: str, path: str, kind: str, route: str | None) -> None:
    found = call(method, path)
    assert found.kind == kind
    assert route in {None, found.route}


@given(
    requests=st.integers(1, 20),
    seconds=st.floats(0.1, 60),
    gaps=st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_no_window_lets_more_pass_than_its_rate(requests: int, seconds: float, gaps: list[float]) -> None:
    window, now, passed = Window(Rate(requests, seconds)), 0.0, list[float]()
    for gap in gaps:
        now += gap
        if window.left(now) > 0:
            window.take(now)
            passed.append(now)
    starts = [at for number, at in enumerate(passed) if number % requests == 0]
    assert all(later - earlier >= seconds - 1e-9 for earlier, later in pairwise(starts))


@given(gaps=st.lists(st.floats(0, 1), min_size=1, max_size=100))
def test_who_obeys_the_headers_never_meets_a_429(gaps: list[float]) -> None:
    limiter, now = Limiter(Limits(hidden_webhook_channel=None)), 0.0
    for gap in gaps:
        now += gap
        verdict = limiter.check(execute(), now, now)
        assert verdict.retry_after is None
        if verdict.headers["X-RateLimit-Remaining"] == "0":
            now += float(verdict.headers["X-RateLimit-Reset-After"])


@given(gaps=st.lists(st.floats(0, 0.5), min_size=1, max_size=100))
def test_who_waits_out_retry_after_passes(gaps: list[float]) -> None:
    limiter, now = Limiter(Limits()), 0.0
    for gap in gaps:
        now += gap
        verdict = limiter.check(execute(), now, now)
        while verdict.retry_after is not None:
            assert 0 < verdict.retry_after <= 60.001
            now += verdict.retry_after
            verdict = limiter.check(execute(), now, now)


def test_headers_count_down_and_name_the_reset() -> None:
    limiter = Limiter(Limits())
    shown = [limiter.check(execute(), 10.0, 1000.0).headers for _ in range(5)]
    assert [h["X-RateLimit-Remaining"] for h in shown] == ["4", "3", "2", "1", "0"]
    assert (shown[0]["X-RateLimit-Limit"], shown[0]["X-RateLimit-Reset"]) == ("5", "1002.000")
    assert shown[0]["X-RateLimit-Bucket"] == bucket_hash("webhook_execute")


def test_the_sixth_post_of_a_webhook_is_refused_and_another_webhook_passes() -> None:
    limiter = Limiter(Limits())
    for _ in range(5):
        limiter.check(execute(5), 0.0, 0.0)
    refused, other = limiter.check(execute(5), 0.5, 0.5), limiter.check(execute(6), 0.5, 0.5)
    assert (refused.scope, refused.retry_after) == ("user", pytest.approx(1.5, abs=0.01))
    assert other.retry_after is None


def test_the_hidden_limit_of_a_channel_refuses_although_requests_remain() -> None:
    limiter = Limiter(Limits())
    for number in range(30):
        assert limiter.check(execute(webhook=100 + number), 0.0, 0.0).retry_after is None
    refused = limiter.check(execute(webhook=99), 1.0, 1.0)
    assert refused.scope == "shared"
    assert int(refused.headers["X-RateLimit-Remaining"]) > 0
    assert refused.body == {
        "message": "The resource is being rate limited.",
        "retry_after": refused.retry_after,
        "global": False,
    }


def test_the_global_limit_spares_interactions() -> None:
    limiter = Limiter(Limits())
    for channel in range(50):
        limiter.check(call("POST", f"/channels/{channel}/typing"), 0.0, 0.0)
    refused = limiter.check(call("POST", "/channels/77/typing"), 0.1, 0.1)
    spared = limiter.check(call("POST", "/interactions/1/t/callback"), 0.1, 0.1)
    assert (refused.scope, refused.headers["X-RateLimit-Global"]) == ("global", "true")
    assert refused.body["global"] is True
    assert spared.retry_after is None


@pytest.mark.parametrize(("per", "passes"), [("channel", False), ("webhook", True)])
def test_webhook_edits_share_a_channel_or_not(per: str, passes: bool) -> None:
    limiter = Limiter(Limits(webhook_edit_per=per))
    for _ in range(5):
        limiter.check(call("PATCH", "/webhooks/5/t/messages/7", 1), 0.0, 0.0)
    verdict = limiter.check(call("PATCH", "/webhooks/6/t/messages/8", 1), 0.0, 0.0)
    assert (verdict.retry_after is None) is passes


def test_too_many_invalid_requests_end_in_a_ban() -> None:
    limiter = Limiter(Limits(invalid_requests=Rate(3, 600.0)))
    for _ in range(3):
        limiter.note_invalid(0.0)
    assert limiter.check(execute(), 1.0, 1.0).banned
    assert not limiter.check(execute(), 601.0, 601.0).banned


def test_limits_that_are_off_show_no_headers_and_refuse_nothing() -> None:
    limiter = Limiter(NO_LIMITS)
    verdicts = [limiter.check(execute(), 0.0, 0.0) for _ in range(500)]
    assert all(v.retry_after is None and v.headers == {} for v in verdicts)


def test_limits_change_while_running() -> None:
    limiter = Limiter(Limits())
    for _ in range(5):
        limiter.check(execute(), 0.0, 0.0)
    limiter.limits = Limits(webhook_execute=Rate(100, 1.0))
    assert limiter.check(execute(), 0.0, 0.0).retry_after is None


def test_identifies_are_limited_when_asked() -> None:
    limiter = Limiter(Limits(identify=Rate(1, 5.0)))
    assert [limiter.identify(0.0), limiter.identify(1.0), limiter.identify(5.0)] == [True, False, True]
    assert Limiter(Limits()).identify(0.0)


def test_windows_that_ended_are_forgotten() -> None:
    limiter = Limiter(Limits(global_=None))
    for number in range(5000):
        limiter.check(call("POST", f"/channels/{number}/typing"), 0.0, 0.0)
    limiter.sweep(100.0)
    assert limiter._windows == {}


def test_old_messages_are_edited_a_few_times_and_then_refused_with_30046() -> None:
    limiter = Limiter(Limits(hidden_old_edit=Rate(1, 3600.0), message_edit=None))
    wall = 1_800_000_000.0
    old, young = ((int(wall - age) - 1_420_070_400) * 1000 << 22 for age in (3700, 10))
    edits = [call("PATCH", f"/channels/1/messages/{message}") for message in (old, old, young)]
    verdicts = [limiter.check(edit, 0.0, wall) for edit in edits]
    assert [verdict.retry_after is None for verdict in verdicts] == [True, False, True]
    assert verdicts[1].body["code"] == 30046
