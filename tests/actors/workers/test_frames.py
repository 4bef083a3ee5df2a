import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.models.chat import ChatMessage, ChatRequest, Delta, Endpoint, Finished, Sampling, Usage
from actors.workers.errors import ProtocolError
from actors.workers.failures import Failure
from actors.workers.frames import (
    MAX_BLOB,
    MAX_FRAME,
    PIECE,
    Cancel,
    Chunks,
    Credit,
    End,
    Failed,
    Frame,
    FrameDecoder,
    Heartbeat,
    Hello,
    Piece,
    Stored,
    Submit,
    Welcome,
    encode,
)
from actors.workers.results import Blob

pytestmark = pytest.mark.unit

numbers = st.integers(0, 2**40)
texts = st.text(max_size=30)
deltas = st.builds(Delta, texts, texts)
finishes = st.builds(
    Finished,
    st.sampled_from(["stop", "length", "other"]),
    st.none() | st.builds(Usage, numbers, numbers),
    texts,
)
blobs = st.builds(Blob, texts, st.binary(max_size=30))
names = st.binary(min_size=16, max_size=16).map(bytes.hex) | st.just("")
stored = st.builds(Stored, texts, st.integers(1, MAX_BLOB), st.binary(min_size=32, max_size=32), names)
events = st.lists(deltas | finishes | blobs | stored, max_size=3).map(tuple)
batches = st.lists(st.tuples(numbers, events), max_size=3).map(tuple)
requests = st.builds(
    ChatRequest,
    id=texts,
    endpoint=st.none() | st.builds(Endpoint, texts, texts, st.none() | texts),
    messages=st.lists(st.builds(ChatMessage, st.just("user"), texts), max_size=2).map(tuple),
    prompt=st.none() | texts,
    sampling=st.builds(Sampling, max_tokens=st.none() | numbers, stop=st.lists(texts, max_size=2).map(tuple)),
    trace=st.dictionaries(texts, texts, max_size=2),
)
scalars = st.none() | st.booleans() | numbers | texts | st.floats(allow_nan=False)
failures = st.builds(
    Failure, st.lists(texts, max_size=3).map(tuple), st.lists(scalars, max_size=4).map(tuple)
)
frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(Hello, texts, texts, texts, numbers, numbers, numbers),
    st.builds(Welcome, texts),
    st.builds(Submit, numbers, requests, numbers),
    st.builds(Cancel, numbers),
    st.builds(Credit, numbers, numbers),
    st.builds(Chunks, batches),
    st.builds(Piece, numbers, st.binary(min_size=1, max_size=100)),
    st.builds(End, numbers),
    st.builds(Failed, numbers, failures),
    st.builds(Heartbeat, numbers, st.floats(0, 1e9)),
)


def _cut(data: bytes, points: list[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@settings(deadline=None)
@given(st.lists(frames, max_size=4), st.lists(st.integers(0, 10**6), max_size=8))
def test_frames_survive_every_way_of_being_cut_up(sent: list[Frame], points: list[int]) -> None:
    data = b"".join(map(encode, sent))
    decoder = FrameDecoder()

    received = [frame for piece in _cut(data, points) for frame in decoder.feed(piece)]

    assert received == sent


@settings(deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 10**6), max_size=5))
def test_garbage_gives_frames_or_a_typed_error_and_never_anything_else(
    data: bytes, points: list[int]
) -> None:
    decoder = FrameDecoder(limit=100)
    try:
        for piece in _cut(data, points):
            decoder.feed(piece)
    except ProtocolError:
        return
    assert len(decoder._buffer) < 4 + 100


@settings(deadline=None)
@given(frames, st.integers(0, 10**6), st.integers(0, 255))
def test_a_flipped_byte_is_another_frame_or_a_typed_error(frame: Frame, place: int, value: int) -> None:
    data = bytearray(encode(frame))
    data[4 + place % (len(data) - 4)] = value
    try:
        received = FrameDecoder().feed(bytes(data))
    except ProtocolError:
        return
    assert len(received) == 1


def test_a_frame_that_announces_too_much_is_refused_before_it_arrives() -> None:
    with pytest.raises(ProtocolError):
        FrameDecoder(limit=10).feed(struct.pack(">I", 11))


def test_a_frame_at_the_limit_is_taken() -> None:
    data = encode(End(1))

    assert FrameDecoder(limit=len(data) - 4).feed(data) == [End(1)]


def test_a_frame_that_would_be_too_large_is_not_made() -> None:
    request = ChatRequest(id="r", endpoint=None, prompt="x" * (MAX_FRAME + 1))

    with pytest.raises(ProtocolError):
        encode(Submit(1, request))


def test_deep_nesting_is_a_typed_error() -> None:
    body = b"\x91" * 100_000

    with pytest.raises(ProtocolError):
        FrameDecoder().feed(struct.pack(">I", len(body)) + body)


DIGEST = bytes(32)


@pytest.mark.parametrize(
    "event",
    [
        Stored("a/b", 1, DIGEST, "../" + "0" * 29),
        Stored("a/b", 1, DIGEST, "/etc/passwd"),
        Stored("a/b", 1, DIGEST, "0" * 32 + "\n"),
        Stored("a/b", 1, DIGEST, "A" * 32),
        Stored("a/b", 0, DIGEST),
        Stored("a/b", MAX_BLOB + 1, DIGEST),
        Stored("a/b", 1, DIGEST[1:]),
    ],
    ids=["up", "absolute", "newline", "other letters", "empty", "too large", "short digest"],
)
def test_a_stored_blob_must_be_one(event: Stored) -> None:
    with pytest.raises(ProtocolError):
        FrameDecoder().feed(encode(Chunks(((1, (event,)),))))


@pytest.mark.parametrize("size", [0, PIECE + 1])
def test_a_piece_has_its_limits(size: int) -> None:
    with pytest.raises(ProtocolError):
        FrameDecoder().feed(encode(Piece(1, bytes(size))))
