import asyncio
import math
from collections.abc import Awaitable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.delivery.calls import Call, Kind, Ticket, Told, Urgency, read_headers
from bot.delivery.errors import BannedError
from bot.delivery.limits import EDGE_PAUSE_S, INVALID_LIMIT, Limits
from bot.delivery.line import SWEEP_EVERY, Line
from sandbox.limits import NO_LIMITS, Rate
from sandbox.limits import Limits as ServerLimits
from tests.bot.delivery.model_server import LimitedServer
from tests.virtual_time import run_virtually

pytestmark = pytest.mark.unit

ANNOUNCED = ServerLimits(global_=None, hidden_webhook_channel=None)
STEADY = Told(status=200, limit=5, remaining=4, reset_after=5.0, bucket="b")


def call(kind: Kind = "edit", channel: int = 1, webhook: int = 10) -> Call:
    return Call(kind=kind, method="PATCH", path="/p", channel_id=channel, webhook_id=webhook)


def refusal(**fields: object) -> Told:
    return msgspec.convert({"status": 429, "retry_after": 2.0} | fields, Told)


def after(limits: Limits, told: Told, one: Call | None = None, at: float = 0.0) -> Limits:
    limits.answered(limits.take(one or call(), at), told, at)
    return limits


def now() -> float:
    return round(asyncio.get_running_loop().time(), 3)


async def ask(line: Line, server: LimitedServer, one: Call, urgency: Urgency = Urgency.FINAL) -> float:
    """Send a request until it passes and return when it did."""
    ticket = Ticket(urgency, asyncio.get_running_loop().time())
    while True:
        permit = await line.enter(one, ticket)
        told = await server.answer(one)
        line.leave(permit, told)
        if told.status == 200:
            return now()


async def at(seconds: float, work: Awaitable[float]) -> float:
    await asyncio.sleep(seconds)
    return await work


def test_early_edits_leave_at_once_until_half_of_the_window_is_used() -> None:
    limits = after(Limits(), STEADY)
    first = limits.wait(call(), Urgency.EARLY, 0.0)
    after(limits, msgspec.structs.replace(STEADY, remaining=2), at=0.5)
    assert (first, limits.wait(call(), Urgency.EARLY, 0.5)) == (0.0, limits.wait(call(), Urgency.EDIT, 0.5))


@given(
    st.lists(
        st.tuples(
            st.floats(0, 12),
            st.sampled_from(["execute", "edit"]),
            st.integers(1, 2),
            st.integers(0, 1),
            st.sampled_from([Urgency.POST, Urgency.FINAL, Urgency.EARLY, Urgency.EDIT]),
        ),
        max_size=60,
    ),
    st.integers(1, 8),
    st.floats(0.3, 6.0),
    st.floats(0.001, 0.4),
)
@settings(max_examples=60, deadline=None)
def test_announced_limits_shared_by_a_channel_never_cost_a_refusal(
    wishes: list[tuple[float, Kind, int, int, Urgency]], requests: int, seconds: float, way_s: float
) -> None:
    limits = ServerLimits(
        global_=None,
        hidden_webhook_channel=None,
        webhook_edit=Rate(requests, seconds),
        webhook_execute=Rate(5, 2.0),
    )
    server = LimitedServer(limits, way_s)

    async def scene() -> None:
        line = Line(Limits())
        await ask(line, server, call("edit", 1, 10))
        await ask(line, server, call("edit", 2, 20))
        await asyncio.gather(
            *(
                at(second, ask(line, server, call(kind, channel, channel * 10 + hook), urgency))
                for second, kind, channel, hook, urgency in wishes
                if kind == "edit" or hook == 0
            )
        )

    run_virtually(scene())
    assert server.refused == []


def test_the_first_requests_obey_a_guess_until_a_header_speaks() -> None:
    limits = Limits()
    for _ in range(5):
        limits.take(call("execute"), 0.0)
    assert limits.wait(call("execute"), Urgency.POST, 0.0) == 2.0


def test_without_headers_there_is_no_limit() -> None:
    limits = after(Limits(), Told(status=200))
    for _ in range(20):
        limits.take(call(), 0.0)
    assert limits.wait(call(), Urgency.EDIT, 0.0) == 0.0


def test_growing_messages_leave_one_request_for_last_words() -> None:
    limits = after(Limits(), msgspec.structs.replace(STEADY, remaining=1))
    assert (limits.wait(call(), Urgency.EDIT, 1.0), limits.wait(call(), Urgency.FINAL, 1.0)) == (4.0, 0.0)


def test_growing_messages_spread_over_the_window() -> None:
    limits = after(Limits(), STEADY)
    assert limits.wait(call(), Urgency.EDIT, 0.0) == 1.25


def test_a_used_up_bucket_waits_for_its_window() -> None:
    limits = after(Limits(), msgspec.structs.replace(STEADY, remaining=0))
    assert limits.wait(call(), Urgency.POST, 1.0) == 4.0


def test_late_answers_do_not_refill_a_bucket() -> None:
    limits = Limits()
    first, second = limits.take(call(), 0.0), limits.take(call(), 0.0)
    limits.answered(second, msgspec.structs.replace(STEADY, remaining=0), 0.1)
    limits.answered(first, msgspec.structs.replace(STEADY, remaining=1), 0.1)
    assert limits.wait(call(), Urgency.FINAL, 0.1) > 4.0


def test_routes_with_one_bucket_name_share_it() -> None:
    limits = after(Limits(), STEADY)
    after(limits, STEADY, call("delete"))
    after(limits, msgspec.structs.replace(STEADY, remaining=0), call("delete"))
    assert limits.wait(call("edit"), Urgency.FINAL, 0.0) == 5.0


def test_webhooks_with_windows_of_their_own_are_told_apart() -> None:
    limits = after(Limits(), STEADY, call(webhook=10))
    after(limits, STEADY, call(webhook=11), at=1.0)
    assert limits.is_apart == {"b": True}


def test_webhooks_that_share_a_window_are_not_told_apart() -> None:
    limits = after(Limits(), STEADY, call(webhook=10))
    after(limits, msgspec.structs.replace(STEADY, remaining=3, reset_after=4.0), call(webhook=11), at=1.0)
    assert limits.is_apart == {}


def test_a_refusal_takes_the_telling_apart_back_for_good() -> None:
    limits = after(Limits(), STEADY, call(webhook=10))
    after(limits, STEADY, call(webhook=11), at=1.0)
    after(limits, refusal(limit=5, bucket="b", reset_after=2.0), call(webhook=11), at=1.5)
    after(limits, STEADY, call(webhook=10), at=1.6)
    assert limits.is_apart == {"b": False}


def test_webhooks_with_buckets_of_their_own_edit_side_by_side() -> None:
    server = LimitedServer(msgspec.structs.replace(ANNOUNCED, webhook_edit_per="webhook"))

    async def scene() -> float:
        line = Line(Limits())
        await ask(line, server, call(webhook=10))
        await asyncio.sleep(1.0)
        await ask(line, server, call(webhook=11))
        return max(
            await asyncio.gather(
                *(ask(line, server, call(webhook=hook)) for hook in (10, 11) for _ in range(4))
            )
        )

    assert run_virtually(scene()) < 1.2
    assert server.refused == []


@pytest.mark.parametrize("way_s", [0.001, 0.05, 0.4])
def test_the_global_limit_is_never_met_whatever_the_delay(way_s: float) -> None:
    server = LimitedServer(msgspec.structs.replace(NO_LIMITS, global_=Rate(50, 1.0)), way_s)

    async def scene() -> float:
        line = Line(Limits())
        works = (ask(line, server, call("execute", channel)) for channel in range(400))
        return max(await asyncio.gather(*works))

    assert run_virtually(scene()) < 9 * (1.0 + 2 * way_s) + 0.2
    assert server.refused == []


def test_a_lower_global_limit_is_learnt() -> None:
    server = LimitedServer(msgspec.structs.replace(NO_LIMITS, global_=Rate(20, 1.0)), 0.01)

    async def scene() -> None:
        line = Line(Limits())
        for _ in range(12):
            await asyncio.gather(*(ask(line, server, call("execute", channel)) for channel in range(60)))
        server.refused.clear()
        await asyncio.gather(*(ask(line, server, call("execute", channel)) for channel in range(60)))

    run_virtually(scene())
    assert len(server.refused) <= 45


def test_without_a_global_gate_the_first_refusal_makes_one() -> None:
    limits = Limits(global_per_s=0)
    for _ in range(100):
        limits.answered(limits.take(call("look"), 0.0), Told(status=200), 0.0)
    before = limits.gate(0.0)
    after(limits, refusal(scope="global"), call("look"))
    paused = limits.gate(0.5)
    for _ in range(45):
        limits.take(call("look"), 3.0)
    assert (before, paused, limits.gate(3.0)) == (0.0, 1.5, math.inf)


def test_a_global_refusal_stops_every_route() -> None:
    limits = after(Limits(), refusal(scope="global", retry_after=3.0))
    assert limits.wait(call("look", channel=9), Urgency.POST, 1.0) == 2.0


def test_the_global_gate_narrows_and_recovers() -> None:
    limits = after(Limits(), refusal(scope="global", retry_after=0.5))
    for _ in range(36):
        limits.take(call("look"), 10.0)
    narrowed = limits.gate(10.0)
    wide = after(Limits(), refusal(scope="global", retry_after=0.5))
    for second in range(20, 200, 11):
        after(wide, Told(status=200), call("look"), at=float(second))
    for _ in range(44):
        wide.take(call("look"), 300.0)
    assert (narrowed, wide.gate(300.0)) == (math.inf, 0.0)


@pytest.mark.parametrize(
    "told",
    [
        refusal(limit=5, remaining=3, bucket="b", reset_after=1.0),
        refusal(limit=5, remaining=1, reset_after=2.0, scope="shared"),
        refusal(),
    ],
    ids=["requests remain", "scope shared", "no headers"],
)
def test_a_hidden_limit_slows_its_kind_in_its_channel_alone(told: Told) -> None:
    limits = after(Limits(), told)
    waits = [
        limits.wait(one, Urgency.FINAL, 0.0) for one in (call(), call("execute"), call(channel=2, webhook=20))
    ]
    assert waits == [2.0, 0.0, 0.0]


def test_a_hidden_limit_is_forgotten_after_successes() -> None:
    limits = after(Limits(), refusal())
    gaps = []
    for second in range(10, 30):
        after(limits, Told(status=200), at=float(second))
        gaps.append(limits.wait(call(), Urgency.FINAL, second + 0.01))
    assert gaps[0] > gaps[3] > 0.0 == gaps[-1]


def test_posts_per_channel_stay_in_their_budget() -> None:
    server = LimitedServer(msgspec.structs.replace(NO_LIMITS, hidden_webhook_channel=Rate(30, 60.0)))

    async def scene() -> float:
        line = Line(Limits())
        return max(await asyncio.gather(*(ask(line, server, call("execute")) for _ in range(45))))

    assert 60.0 < run_virtually(scene()) < 61.0
    assert server.refused == []


def test_the_budget_of_posts_can_be_switched_off() -> None:
    limits = Limits(posts_per_channel=None)
    for _ in range(40):
        after(limits, Told(status=200), call("execute"), at=0.0)
    assert limits.wait(call("execute"), Urgency.POST, 2.0) == 0.0


def test_a_refusal_of_the_bucket_waits_as_told() -> None:
    limits = after(Limits(), refusal(limit=5, remaining=0, bucket="b", reset_after=1.0, retry_after=7.0))
    assert limits.wait(call(), Urgency.POST, 1.0) == 6.0


def test_a_refusal_by_the_edge_stops_everything_for_long() -> None:
    limits = after(Limits(), refusal(by_edge=True, retry_after=0.0))
    assert limits.gate(0.0) == EDGE_PAUSE_S


def test_nobody_waits_for_the_end_of_a_long_block() -> None:
    async def scene() -> float | None:
        line = Line(Limits(global_per_s=1))
        held = await line.enter(call(), Ticket(Urgency.FINAL, 0.0))
        waiting = asyncio.create_task(line.enter(call(), Ticket(Urgency.FINAL, 0.0)))
        await asyncio.sleep(0)
        line.leave(held, refusal(by_edge=True, retry_after=3600.0))
        with pytest.raises(BannedError) as told:
            await waiting
        with pytest.raises(BannedError):
            await line.enter(call(), Ticket(Urgency.FINAL, 0.0))
        return told.value.retry_after

    assert run_virtually(scene()) == 3600.0


def test_who_leaves_during_a_block_takes_no_place() -> None:
    async def scene() -> bool:
        line = Line(Limits(global_per_s=1))
        held = await line.enter(call(), Ticket(Urgency.FINAL, 0.0))
        waiting = asyncio.create_task(line.enter(call(), Ticket(Urgency.FINAL, 0.0)))
        await asyncio.sleep(0)
        line.leave(held, refusal(by_edge=True, retry_after=3600.0))
        waiting.cancel()
        await asyncio.wait([waiting])
        return waiting.cancelled()

    assert run_virtually(scene())


def test_too_many_bad_requests_stop_before_the_edge_does() -> None:
    limits = Limits(global_per_s=0)
    for _ in range(INVALID_LIMIT):
        after(limits, Told(status=403), call("look"))
    assert limits.gate(1.0) == 599.0


def test_idle_channels_are_forgotten_and_busy_ones_are_not() -> None:
    limits = after(Limits(), msgspec.structs.replace(STEADY, remaining=0))
    limits.forget_idle(1.0)
    busy = limits.wait(call(), Urgency.FINAL, 1.0)
    limits.forget_idle(6.0)
    assert (busy, limits.wait(call(), Urgency.FINAL, 6.0)) == (4.0, 0.0)


def test_the_most_urgent_goes_first_and_then_the_one_that_waits_longest() -> None:
    async def scene() -> list[str]:
        line, order = Line(Limits()), []

        async def wish(name: str, urgency: Urgency, since: float) -> None:
            permit = await line.enter(call(), Ticket(urgency, since))
            order.append(name)
            line.leave(permit, msgspec.structs.replace(STEADY, remaining=0, reset_after=1.0))

        await wish("first", Urgency.POST, 0.0)
        wishes = [
            ("edit", Urgency.EDIT, 0.0),
            ("late final", Urgency.FINAL, 2.0),
            ("final", Urgency.FINAL, 1.0),
        ]
        await asyncio.gather(*(wish(*one) for one in wishes), wish("post", Urgency.POST, 3.0))
        return order

    assert run_virtually(scene()) == ["first", "post", "final", "late final", "edit"]


def test_a_ticket_may_become_more_urgent_while_it_waits() -> None:
    async def scene() -> float:
        line = Line(Limits())
        line.leave(
            await line.enter(call(), Ticket(Urgency.EDIT, 0.0)), msgspec.structs.replace(STEADY, remaining=1)
        )
        ticket = Ticket(Urgency.EDIT, 0.0)
        waiting = asyncio.create_task(line.enter(call(), ticket))
        await asyncio.sleep(1.0)
        ticket.urgency = Urgency.FINAL
        line.serve()
        await waiting
        return now()

    assert run_virtually(scene()) == 1.0


def test_who_stops_waiting_takes_no_place() -> None:
    async def scene() -> float:
        line = Line(Limits(global_per_s=1))
        held = await line.enter(call(), Ticket(Urgency.FINAL, 0.0))
        leaver = asyncio.create_task(line.enter(call(), Ticket(Urgency.FINAL, 0.0)))
        await asyncio.sleep(0.5)
        leaver.cancel()
        line.leave(held, Told(status=200))
        await line.enter(call(), Ticket(Urgency.FINAL, 0.0))
        return now()

    assert run_virtually(scene()) == 1.5


def test_a_granted_place_of_who_left_is_given_back() -> None:
    async def scene() -> float:
        line = Line(Limits(global_per_s=1))
        held = await line.enter(call(), Ticket(Urgency.FINAL, 0.0))
        leaver = asyncio.create_task(line.enter(call(), Ticket(Urgency.FINAL, 0.0)))
        await asyncio.sleep(0)
        line.leave(held, Told(status=200))
        asyncio.get_running_loop().call_at(1.0, leaver.cancel)
        await asyncio.wait([leaver])
        await line.enter(call(), Ticket(Urgency.FINAL, 0.0))
        return now()

    assert run_virtually(scene()) == 2.0


def test_a_long_life_forgets_idle_channels_on_its_way() -> None:
    async def scene() -> None:
        line = Line(Limits(global_per_s=0), now=lambda: 0.0)
        for channel in range(SWEEP_EVERY):
            permit = await line.enter(call("look", channel), Ticket(Urgency.FINAL, 0.0))
            line.leave(permit, Told(status=200))

    run_virtually(scene())


def test_headers_are_read_in_discords_spelling() -> None:
    told = read_headers(
        429,
        {
            "X-RateLimit-Limit": "5",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset-After": "1.25",
            "X-RateLimit-Bucket": "abcd",
            "X-RateLimit-Scope": "user",
            "Retry-After": "2",
            "Via": "1.1 google",
        },
        1.337,
    )
    assert told == Told(
        status=429, limit=5, remaining=0, reset_after=1.25, bucket="abcd", scope="user", retry_after=1.337
    )


@pytest.mark.parametrize(
    ("headers", "by_edge", "scope"),
    [
        ({"Retry-After": "soon"}, True, ""),
        ({"X-RateLimit-Global": "true", "Via": "x"}, False, "global"),
        ({"X-RateLimit-Limit": "many", "Via": "x"}, False, ""),
    ],
)
def test_odd_headers_are_read_too(headers: dict[str, str], by_edge: bool, scope: str) -> None:
    told = read_headers(429, headers)
    assert (told.by_edge, told.scope, told.limit, told.retry_after) == (by_edge, scope, None, 0.0)
