import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.faults import Fault, Faults

pytestmark = pytest.mark.unit

EDIT = ("PATCH", "/webhooks/1/t/messages/2")


def test_a_fault_strikes_its_route_so_often_and_no_more() -> None:
    faults = Faults()
    faults.add(Fault(kind="status", method="PATCH", path="/webhooks/*/messages/*", times=2))
    assert faults.rest("GET", EDIT[1]) is None
    assert faults.rest("PATCH", "/channels/1/messages/2") is None
    struck = [faults.rest(*EDIT) is not None for _ in range(3)]
    assert struck == [True, True, False]


def test_a_fault_lets_the_first_ones_pass() -> None:
    faults = Faults()
    faults.add(Fault(kind="reset", after=2))
    assert [faults.rest(*EDIT) is not None for _ in range(4)] == [False, False, True, False]


@given(seed=st.integers(0, 1000), probability=st.floats(0.0, 1.0))
def test_the_same_seed_strikes_the_same_requests(seed: int, probability: float) -> None:
    runs = []
    for _ in range(2):
        faults = Faults(seed)
        faults.add(Fault(kind="hang", probability=probability, times=None))
        runs.append([faults.rest(*EDIT) is not None for _ in range(50)])
    assert runs[0] == runs[1]


def test_probability_strikes_about_that_often() -> None:
    faults = Faults(7)
    faults.add(Fault(kind="hang", probability=0.25, times=None))
    struck = sum(faults.rest(*EDIT) is not None for _ in range(2000))
    assert 400 < struck < 600


def test_gateway_faults_match_events_and_leave_requests_alone() -> None:
    faults = Faults()
    faults.add(Fault(kind="duplicate", event="MESSAGE_*"))
    assert faults.rest(*EDIT) is None
    assert faults.gateway("TYPING_START") is None
    assert faults.gateway("MESSAGE_CREATE") is not None
    assert faults.struck == [("duplicate", "MESSAGE_CREATE")]


def test_a_gateway_fault_without_event_strikes_at_once() -> None:
    faults, told = Faults(), list[str]()
    faults.on_strike(lambda fault: told.append(fault.kind))
    faults.add(Fault(kind="reconnect", event=""))
    assert (told, faults.script) == (["reconnect"], [])


def test_faults_can_be_taken_back() -> None:
    faults = Faults()
    first = faults.add(Fault(kind="status"))
    faults.add(Fault(kind="hang"))
    faults.remove(first)
    faults.remove(first)
    assert [fault.kind for fault in faults.script] == ["hang"]
    faults.clear()
    assert faults.rest(*EDIT) is None


def test_a_seed_can_be_set_anew() -> None:
    faults = Faults(3)
    faults.add(Fault(kind="hang", probability=0.5, times=None))
    first = [faults.rest(*EDIT) is not None for _ in range(20)]
    faults.seed(3)
    assert [faults.rest(*EDIT) is not None for _ in range(20)] == first
