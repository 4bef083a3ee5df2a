import asyncio
from pathlib import Path
from typing import cast

import pytest

from actors.models.chat import ChatRequest, Delta
from actors.models.errors import ModelRateLimitedError
from actors.workers.errors import WorkerLostError
from actors.workers.failures import describe
from actors.workers.frames import (
    WINDOW,
    Cancel,
    Chunks,
    Credit,
    End,
    Failed,
    Frame,
    FrameDecoder,
    Heartbeat,
    Hello,
    Submit,
    Welcome,
    encode,
)
from actors.workers.link import HELLO_BEATS, HELLO_LIMIT, MISSED_BEATS, WorkerLink
from actors.workers.shelf import Shelf

pytestmark = pytest.mark.unit

HELLO = Hello("llm-1", "llm", "s3cret", capacity=4)
REQUEST = ChatRequest(id="r", endpoint=None)
NOWHERE = Shelf(Path("/nowhere"), shared=True)


class Wire:
    """A transport that keeps what is written and closes at once, and the owner of the link."""

    def __init__(self) -> None:
        self.decoder = FrameDecoder()
        self.sent: list[Frame] = []
        self.welcomed: list[Hello] = []
        self.farewells: list[str] = []
        self.link = WorkerLink(self, "s3cret", NOWHERE)
        self.closed = False
        self.link.connection_made(cast("asyncio.Transport", self))

    def write(self, data: bytes) -> None:
        self.sent += self.decoder.feed(data)

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        if not self.closed:
            self.closed = True
            self.link.connection_lost(None)

    def welcome(self, _link: WorkerLink, hello: Hello) -> None:
        self.welcomed.append(hello)

    def farewell(self, _link: WorkerLink, reason: str) -> None:
        self.farewells.append(reason)

    def say(self, *frames: Frame) -> None:
        self.link.data_received(b"".join(map(encode, frames)))


@pytest.fixture
def wire() -> Wire:
    wire = Wire()
    wire.say(HELLO)
    wire.sent.clear()
    return wire


def test_a_worker_with_the_secret_is_welcome(wire: Wire) -> None:
    assert (wire.welcomed, wire.closed) == ([HELLO], False)


def test_a_welcome_names_the_folder_for_large_blobs() -> None:
    wire = Wire()

    wire.say(HELLO)

    assert wire.sent == [Welcome("/nowhere")]


@pytest.mark.parametrize(
    "first",
    [
        Hello("llm-1", "llm", "guess"),
        Hello("llm-1", "llm", "s3cret", version=99),
        Hello("llm-1" * HELLO_LIMIT, "llm", "s3cret"),
        Heartbeat(),
        Submit(1, REQUEST),
    ],
    ids=["secret", "version", "too large", "no hello", "not a worker"],
)
def test_a_stranger_is_turned_away(first: Frame) -> None:
    wire = Wire()

    wire.say(first)

    assert (wire.welcomed, wire.sent, wire.farewells) == ([], [], ["protocol"])


def test_a_stranger_who_says_too_little_is_turned_away() -> None:
    wire = Wire()

    for _ in range(HELLO_BEATS + 1):
        wire.link.data_received(b"\x00")
        wire.link._decoder = FrameDecoder()
        wire.link.beat()

    assert wire.farewells == ["no hello"]


async def test_a_stream_carries_events_to_its_end(wire: Wire) -> None:
    stream = wire.link.submit(7, REQUEST)

    wire.say(Chunks(((7, (Delta("a"), Delta("b"))),)), End(7))

    assert wire.sent == [Submit(7, REQUEST)]
    assert [await stream.next() for _ in range(3)] == [Delta("a"), Delta("b"), None]


async def test_a_failure_arrives_typed(wire: Wire) -> None:
    stream = wire.link.submit(7, REQUEST)

    wire.say(Failed(7, describe(ModelRateLimitedError("slow down", retry_after=4.0))))

    with pytest.raises(ModelRateLimitedError) as caught:
        await stream.next()
    assert caught.value.retry_after == 4.0


async def test_late_frames_of_a_forgotten_stream_are_ignored(wire: Wire) -> None:
    wire.link.submit(7, REQUEST)
    wire.link.forget(7)

    wire.say(Chunks(((7, (Delta("late"),)),)), End(7), Failed(7, describe(ModelRateLimitedError())))

    assert (wire.sent[1:], wire.closed, wire.link.streams) == ([Cancel(7)], False, {})


async def test_forgetting_a_stream_that_ended_says_nothing(wire: Wire) -> None:
    wire.link.submit(7, REQUEST)
    wire.say(End(7))

    wire.link.forget(7)

    assert wire.sent == [Submit(7, REQUEST)]


async def test_a_reader_gives_credit(wire: Wire) -> None:
    stream = wire.link.submit(7, REQUEST)
    wire.say(Chunks(((7, (Delta("x" * WINDOW),)),)))

    await stream.next()

    assert wire.sent[1:] == [Credit(7, WINDOW)]


async def test_the_end_of_the_connection_ends_all_streams_as_lost(wire: Wire) -> None:
    streams = [wire.link.submit(number, REQUEST) for number in (1, 2)]

    wire.link.connection_lost(None)

    assert wire.farewells == ["eof"]
    for stream in streams:
        with pytest.raises(WorkerLostError):
            await stream.next()


def test_silence_of_too_many_beats_is_a_loss(wire: Wire) -> None:
    for _ in range(MISSED_BEATS):
        wire.link.beat()
    before = list(wire.farewells)
    wire.link.beat()

    assert (before, wire.farewells) == ([], ["silent"])


def test_a_heartbeat_is_a_sign_of_life(wire: Wire) -> None:
    for _ in range(4 * MISSED_BEATS):
        wire.link.beat()
        wire.say(Heartbeat(0, 1.5))

    assert (wire.farewells, wire.link.cpu_s) == ([], 1.5)


@pytest.mark.parametrize("frame", [Submit(1, REQUEST), Cancel(1), Credit(1, 1), HELLO, Welcome()])
def test_a_worker_must_not_say_what_the_stage_says(wire: Wire, frame: Frame) -> None:
    wire.say(frame)

    assert wire.farewells == ["protocol"]


def test_an_idle_worker_retires_at_once(wire: Wire) -> None:
    wire.link.retire()

    assert wire.farewells == ["retired"]


@pytest.mark.parametrize("end", ["ended", "forgotten"])
async def test_a_busy_worker_retires_after_its_last_stream(wire: Wire, end: str) -> None:
    wire.link.submit(7, REQUEST)
    wire.link.retire()
    before = list(wire.farewells)

    if end == "ended":
        wire.say(End(7))
    else:
        wire.link.forget(7)

    assert (before, wire.farewells) == ([], ["retired"])


async def test_load_is_relative_to_capacity(wire: Wire) -> None:
    wire.link.submit(7, REQUEST)

    assert wire.link.load == 0.25


async def test_nothing_is_written_to_a_closed_connection(wire: Wire) -> None:
    wire.link.close("gone")

    wire.link.submit(7, REQUEST)

    assert wire.sent == []
