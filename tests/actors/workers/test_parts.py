"""The small parts: batches, allowance, in-flight streams, control lines."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.models.chat import Delta, Finished
from actors.workers.allowance import Allowance
from actors.workers.batches import Batches
from actors.workers.control import (
    Command,
    Create,
    Died,
    Kill,
    List,
    Listing,
    Ready,
    Report,
    read_command,
    read_report,
    to_line,
)
from actors.workers.errors import ProtocolError, WorkerLostError
from actors.workers.frames import WINDOW, Chunks, End, Frame
from actors.workers.inflight import InFlight
from actors.workers.orders import Door, Orders
from actors.workers.shelf import Shelf

pytestmark = pytest.mark.unit

NOWHERE = Shelf(Path("/nowhere"), shared=True)


async def test_what_comes_in_one_pass_of_the_loop_leaves_together() -> None:
    sent: list[Frame] = []
    batches = Batches(sent.append)

    batches.put(1, Delta("Hel"))
    batches.put(2, Delta("Good"))
    batches.put(1, Delta("lo"))
    at_once = list(sent)
    await asyncio.sleep(0)

    assert (at_once, sent) == ([], [Chunks(((1, (Delta("Hello"),)), (2, (Delta("Good"),))))])


async def test_thought_and_speech_are_not_joined() -> None:
    sent: list[Frame] = []
    batches = Batches(sent.append)
    batches.put(1, Delta("a"))
    batches.put(1, Delta(reasoning="b"))
    batches.put(1, Finished())
    batches.flush()

    assert sent == [Chunks(((1, (Delta("a"), Delta(reasoning="b"), Finished())),))]


async def test_what_waits_leaves_before_the_end() -> None:
    sent: list[Frame] = []
    batches = Batches(sent.append)
    batches.put(1, Finished())
    batches.end(End(1))

    assert sent == [Chunks(((1, (Finished(),)),)), End(1)]


async def test_nothing_of_a_dropped_stream_leaves() -> None:
    sent: list[Frame] = []
    batches = Batches(sent.append)
    batches.put(1, Delta("a"))
    batches.drop(1)
    batches.flush()

    assert sent == []


async def test_room_ends_with_the_allowance_and_comes_back_with_a_grant() -> None:
    allowance = Allowance(10)
    allowance.spend(10)
    waiting = asyncio.ensure_future(allowance.room())
    await asyncio.sleep(0)
    was_waiting = not waiting.done()

    allowance.grant(1)
    await waiting

    assert was_waiting


async def test_a_grant_that_pays_only_the_debt_opens_nothing() -> None:
    allowance = Allowance(10)
    allowance.spend(15)

    allowance.grant(5)

    assert not allowance._room.is_set()


async def test_events_come_before_the_error_that_followed_them() -> None:
    stream = InFlight(lambda _: None, NOWHERE)
    stream.push([Delta("a")])
    stream.end(WorkerLostError())

    first = await stream.next()

    assert first == Delta("a")
    with pytest.raises(WorkerLostError):
        await stream.next()


async def test_only_the_first_end_counts() -> None:
    stream = InFlight(lambda _: None, NOWHERE)

    stream.end()
    stream.end(WorkerLostError())

    assert await stream.next() is None


async def test_credit_is_given_back_in_halves_of_the_window() -> None:
    granted: list[int] = []
    stream = InFlight(granted.append, NOWHERE)
    stream.push([Delta("x" * (WINDOW // 2 - 1)), Delta("xy")])

    await stream.next()
    before = list(granted)
    await stream.next()

    assert (before, granted) == ([], [WINDOW // 2 + 1])


ORDERS = Orders(id="llm-1", kind="llm", door=Door("unix:/x", "s"))


@pytest.mark.parametrize("command", [Create(ORDERS), Kill("a", 3), Kill("a"), List()])
def test_commands_survive_their_line(command: Command) -> None:
    assert read_command(to_line(command)) == command


@pytest.mark.parametrize("report", [Ready(), Died("a", "b"), Listing(("a",))])
def test_reports_survive_their_line(report: Report) -> None:
    assert read_report(to_line(report)) == report


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_other_lines_are_typed_errors(line: bytes) -> None:
    for read in (read_command, read_report):
        with pytest.raises(ProtocolError):
            read(line)
