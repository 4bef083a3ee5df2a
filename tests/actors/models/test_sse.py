"""The parser gives the same events however the bytes are cut."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.models.sse import MAX_EVENT_BYTES, EventTooLargeError, SseParser

pytestmark = pytest.mark.unit

LINES = st.sampled_from(
    [
        b"data: {}",
        b"data:x",
        b"data",
        b"data:  two",
        b": comment",
        b"event: a",
        b"id: 1",
        b"error: e",
        b"",
        b"junk",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(st.tuples(LINES, ENDS), max_size=12))
    return b"".join(line + end for line, end in lines) + draw(st.sampled_from([b"", b"data: half", b"\r"]))


def reference(stream: bytes) -> list[bytes]:
    """Parse all at once, as the standard says it, with no state at all."""
    events: list[bytes] = []
    data: list[bytes] = []
    for line in re.split(rb"\r\n|\n|\r", stream)[:-1]:
        if line == b"":
            events += [b"\n".join(data)] if data else []
            data = []
        elif (match := re.fullmatch(rb"(?:data|error)(?:: ?(.*))?", line)) is not None:
            data.append(match[1] or b"")
    return events


def parse(chunks: list[bytes]) -> list[bytes]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@given(stream=streams())
def test_every_cut_in_two_gives_the_same_events(stream: bytes) -> None:
    expected = reference(stream)

    for at in range(len(stream) + 1):
        assert parse([stream[:at], stream[at:]]) == expected


@given(stream=streams(), cuts=st.lists(st.integers(0, 80), max_size=8))
def test_any_cuts_give_the_same_events(stream: bytes, cuts: list[int]) -> None:
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(bounds)]

    assert parse(chunks) == reference(stream)


@given(stream=streams())
def test_byte_by_byte_gives_the_same_events(stream: bytes) -> None:
    assert parse([bytes([byte]) for byte in stream]) == reference(stream)


@given(chunks=st.lists(st.binary(max_size=40), max_size=20))
def test_no_bytes_break_the_parser(chunks: list[bytes]) -> None:
    assert parse(chunks) == parse([b"".join(chunks)])


@pytest.mark.parametrize(
    "chunks", [[b"\xef\xbb\xbfdata: a\n\n"], [b"\xef", b"\xbb", b"\xbf", b"data: a\n\n"]]
)
def test_a_byte_order_mark_at_the_start_is_skipped(chunks: list[bytes]) -> None:
    assert parse(chunks) == [b"a"]


def test_finish_gives_an_event_whose_blank_line_never_came() -> None:
    parser = SseParser()
    parser.feed(b"data: a\ndata: b")

    assert parser.finish() == [b"a\nb"]


def test_finish_gives_nothing_twice() -> None:
    parser = SseParser()
    parser.feed(b"data: a")
    parser.finish()

    assert parser.finish() == []


def test_a_line_without_end_is_refused() -> None:
    parser = SseParser()

    with pytest.raises(EventTooLargeError):
        parser.feed(b"data: " + b"x" * (MAX_EVENT_BYTES + 1))


def test_an_event_of_endless_lines_is_refused() -> None:
    parser = SseParser()
    line = b"data: " + b"x" * (MAX_EVENT_BYTES // 2) + b"\n"
    parser.feed(line)

    with pytest.raises(EventTooLargeError):
        parser.feed(line + line)
