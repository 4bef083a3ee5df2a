"""The queue before a circuit and a limit, in virtual time."""

import asyncio

import pytest

from supervision.breaker import BreakerPolicy
from supervision.errors import CircuitOpenError, QueueFullError
from supervision.gate import Gate, GatePolicy, Pass
from supervision.limiter import LimitPolicy
from tests.virtual_time import Virtually

pytestmark = pytest.mark.unit

BREAKER = BreakerPolicy(open_s=15.0)


def now() -> float:
    return asyncio.get_running_loop().time()


def gate(most: int = 2, waiting: int = 3, patience_s: float = 5.0) -> Gate:
    policy = GatePolicy(
        breaker=BREAKER, limit=LimitPolicy(most=most), most_waiting=waiting, patience_s=patience_s
    )
    return Gate(policy, now)


def entering(gate: Gate, within_s: float = 100.0) -> "asyncio.Task[Pass]":
    return asyncio.create_task(gate.enter(within_s))


async def settled() -> None:
    await asyncio.sleep(0.001)


async def open_circuit(gate: Gate) -> None:
    for _ in range(BREAKER.consecutive):
        (await gate.enter(1)).failed()


def test_those_who_wait_go_in_their_order(virtually: Virtually) -> None:
    async def story() -> list[int]:
        way = gate(most=1)
        held = await way.enter(1)
        order: list[int] = []

        async def go(number: int) -> None:
            place = await way.enter(10)
            order.append(number)
            await asyncio.sleep(1)
            place.succeeded()

        tasks = [asyncio.create_task(go(number)) for number in range(3)]
        await settled()
        held.succeeded()
        await asyncio.gather(*tasks)
        assert (way.in_flight, way.waiting) == (0, 0)
        return order

    assert virtually(story()) == [0, 1, 2]


def test_a_full_queue_sends_away_at_once(virtually: Virtually) -> None:
    async def story() -> float:
        way = gate(most=1, waiting=1)
        await way.enter(1)
        waiting = entering(way)
        await settled()
        begun = now()
        with pytest.raises(QueueFullError):
            await way.enter(100)
        waiting.cancel()
        return now() - begun

    assert virtually(story()) == 0.0


def test_nobody_waits_beyond_their_time(virtually: Virtually) -> None:
    async def story() -> tuple[float, int]:
        way = gate(most=1)
        await way.enter(1)
        with pytest.raises(QueueFullError):
            await way.enter(7)
        return now(), way.waiting

    assert virtually(story()) == (7.0, 0)


def test_who_leaves_the_queue_keeps_nobody_waiting(virtually: Virtually) -> None:
    async def story() -> float:
        way = gate(most=1)
        held = await way.enter(1)
        first, second = entering(way), entering(way)
        await settled()
        first.cancel()
        held.released()
        await second
        return now()

    assert virtually(story()) < 0.1


def test_a_place_given_to_one_who_just_left_goes_to_the_next(virtually: Virtually) -> None:
    async def story() -> int:
        way = gate(most=1)
        held = await way.enter(1)
        first, second = entering(way), entering(way)
        await settled()
        held.released()
        first.cancel()
        (await second).succeeded()
        return way.in_flight

    assert virtually(story()) == 0


def test_a_circuit_that_stays_shut_beyond_the_deadline_is_not_waited_for(virtually: Virtually) -> None:
    async def story() -> float:
        way = gate(patience_s=60.0)
        await open_circuit(way)
        began = now()
        with pytest.raises(CircuitOpenError):
            await way.enter(14.0)
        return now() - began

    assert virtually(story()) == 0.0


def test_an_open_circuit_refuses_at_once_and_says_when(virtually: Virtually) -> None:
    async def story() -> tuple[float | None, float]:
        way = gate()
        await open_circuit(way)
        with pytest.raises(CircuitOpenError) as refused:
            await way.enter(100)
        return refused.value.retry_after, now()

    assert virtually(story()) == (15.0, 0.0)


def test_those_who_wait_are_sent_away_when_the_circuit_opens(virtually: Virtually) -> None:
    async def story() -> float:
        way = gate(most=1)
        held = await way.enter(1)
        waiting = [entering(way) for _ in range(3)]
        await settled()
        held.failed(retry_after=30.0)
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [CircuitOpenError] * 3
        return now()

    assert virtually(story()) < 0.1


def test_a_short_pause_is_waited_for(virtually: Virtually) -> None:
    async def story() -> float:
        way = gate()
        (await way.enter(1)).failed(retry_after=3.0)
        await way.enter(100)
        return now()

    assert virtually(story()) == pytest.approx(3.0, abs=0.01)


def test_after_a_pause_one_goes_first_and_the_others_follow_its_answer(virtually: Virtually) -> None:
    async def story() -> tuple[int, int]:
        way = gate(most=8)
        (await way.enter(1)).failed(retry_after=3.0)
        waiting = [entering(way) for _ in range(3)]
        await asyncio.sleep(4)
        done = sum(task.done() for task in waiting)
        waiting[0].result().succeeded()
        await settled()
        return done, sum(task.done() for task in waiting)

    assert virtually(story()) == (1, 3)


def test_a_probe_that_has_begun_to_answer_lets_the_next_one_in(virtually: Virtually) -> None:
    async def story() -> tuple[int, str]:
        way = gate(most=8)
        (await way.enter(1)).failed(retry_after=3.0)
        waiting = [entering(way) for _ in range(3)]
        await asyncio.sleep(4)
        waiting[0].result().answered()
        await settled()
        ended = sum(task.done() for task in waiting), way.state
        for task in waiting:
            task.cancel()
        return ended

    assert virtually(story()) == (2, "half_open")


def test_nobody_waits_long_for_a_probe_that_hangs(virtually: Virtually) -> None:
    async def story() -> float:
        way = gate(most=8)
        (await way.enter(1)).failed(retry_after=3.0)
        await asyncio.sleep(3)
        await way.enter(1)
        with pytest.raises(CircuitOpenError):
            await way.enter(100)
        waited = now() - 3.0
        with pytest.raises(CircuitOpenError):
            await way.enter(100)
        assert now() - 3.0 == waited
        return waited

    assert virtually(story()) == pytest.approx(5.0, abs=0.01)


def test_a_refusal_beside_others_lowers_the_limit_and_not_the_trust(virtually: Virtually) -> None:
    async def story() -> tuple[int, str]:
        way = gate(most=16)
        places = [await way.enter(1) for _ in range(16)]
        for place in places[4:]:
            place.refused()
        return way.limit, way.state

    assert virtually(story()) == (4, "closed")


def test_refusals_of_a_single_call_open_the_circuit(virtually: Virtually) -> None:
    async def story() -> str:
        way = gate(most=16)
        for _ in range(5):
            (await way.enter(1)).refused()
        return way.state

    assert virtually(story()) == "open"


def test_who_asks_for_a_pause_while_busy_gets_it(virtually: Virtually) -> None:
    async def story() -> tuple[str, str, float]:
        way = gate(most=16)
        first, _ = await way.enter(1), await way.enter(1)
        first.refused(retry_after=20.0)
        return way.state, way.cause, way.retry_after_s

    assert virtually(story()) == ("open", "asked", 20.0)


def test_trust_lets_in_who_waits(virtually: Virtually) -> None:
    async def story() -> float:
        way = gate()
        (await way.enter(1)).failed(retry_after=4.0)
        waiting = entering(way)
        await settled()
        way.close_circuit()
        await waiting
        return now()

    assert virtually(story()) < 0.1
