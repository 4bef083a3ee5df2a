import asyncio
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.channel.admission import Admission, AdmissionPolicy, TurnKey, Verdict
from actors.channel.messages import TurnAdmitted, TurnShed
from tests.virtual_time import run_virtually

pytestmark = pytest.mark.unit

ADA = uuid4()
POLICY = AdmissionPolicy(at_once=2, waiting=4, wait_s=30.0)


class Hall:
    """Turns that want to be spoken, and what becomes of those that must wait."""

    def __init__(self, policy: AdmissionPolicy = POLICY) -> None:
        self.verdicts: list[Verdict] = []
        self.admission = Admission(policy, lambda _, verdict: self.verdicts.append(verdict))

    def ask(self, *numbers: int, direct: bool) -> list[bool]:
        return [self.admission.ask(key(number), direct=direct) for number in numbers]

    def leave(self, *numbers: int) -> None:
        for number in numbers:
            self.admission.leave(key(number))

    @property
    def admitted(self) -> list[int]:
        return [one.message_id for one in self.verdicts if isinstance(one, TurnAdmitted)]

    @property
    def shed(self) -> list[tuple[int, str]]:
        return [(one.message_id, one.reason) for one in self.verdicts if isinstance(one, TurnShed)]


def key(number: int) -> TurnKey:
    return TurnKey(number % 5, ADA, number)


@pytest.fixture
async def hall() -> Hall:
    return Hall()


async def test_as_many_begin_as_there_is_room_for(hall: Hall) -> None:
    assert hall.ask(1, 2, 3, direct=True) == [True, True, False]


async def test_calls_go_before_chatter_each_in_its_order(hall: Hall) -> None:
    hall.ask(1, 2, direct=True)
    hall.ask(3, 4, direct=False)
    hall.ask(5, 6, direct=True)
    hall.leave(1, 2, 5, 6)
    assert hall.admitted == [5, 6, 3, 4]


async def test_the_oldest_chatter_gives_way_and_calls_never_do(hall: Hall) -> None:
    hall.ask(1, 2, direct=True)
    hall.ask(3, 4, direct=False)
    hall.ask(*range(10, 20), direct=True)
    assert hall.shed == [(3, "too many wait"), (4, "too many wait")]
    hall.leave(1, 2, *range(10, 20))
    assert hall.admitted == list(range(10, 20))


async def test_chatter_that_waits_too_long_is_given_up_and_calls_wait_on(hall: Hall) -> None:
    hall.ask(1, 2, direct=True)
    hall.ask(3, direct=False)
    hall.ask(4, direct=True)
    await asyncio.sleep(29)
    assert hall.shed == []
    await asyncio.sleep(2)
    assert hall.shed == [(3, "waited too long")]
    assert hall.admission.is_waiting(key(4))


async def test_a_lost_channel_makes_room_for_others(hall: Hall) -> None:
    hall.ask(1, 2, direct=True)
    hall.ask(3, direct=True)
    hall.admission.lost(1)
    assert hall.admitted == [3]


async def test_nothing_begins_after_the_end(hall: Hall) -> None:
    hall.ask(1, 2, 3, direct=True)
    hall.admission.close()
    hall.leave(1, 2)
    assert (hall.admitted, hall.shed) == ([], [])


STEPS = st.lists(st.one_of(st.booleans(), st.integers(0, 40), st.floats(0.1, 40.0)), max_size=80)


@given(STEPS)
def test_every_turn_is_admitted_or_shed_once_and_no_call_is_shed(
    steps: list[bool | int | float],
) -> None:
    async def story() -> None:
        hall = Hall()
        asked: dict[int, bool] = {}
        at_once: list[int] = []
        for step in steps:
            if isinstance(step, bool):
                number = len(asked)
                asked[number] = step
                if hall.ask(number, direct=step)[0]:
                    at_once.append(number)
            elif isinstance(step, float):
                await asyncio.sleep(step)
            elif step in at_once or step in hall.admitted:
                hall.leave(step)
            assert hall.admission.inside <= POLICY.at_once
        for number in asked:
            hall.leave(number)
        outcomes = [*at_once, *hall.admitted, *(number for number, _ in hall.shed)]
        assert len(outcomes) == len(set(outcomes))
        assert not [number for number, _ in hall.shed if asked[number]]
        calls = [number for number in hall.admitted if asked[number]]
        assert calls == sorted(calls)

    run_virtually(story())
