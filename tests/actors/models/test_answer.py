"""Each quirk of the corpus comes out as it should, however its bytes are cut."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.models.answer import Answer, redacted
from actors.models.chat import Delta, Usage
from actors.models.errors import BadAnswerError, ModelError, StreamBrokenError
from actors.models.refusals import Complaint
from actors.models.sse import MAX_EVENT_BYTES

pytestmark = pytest.mark.unit

CORPUS = Path(__file__).parent / "corpus"
NAMES = sorted(path.stem for path in CORPUS.glob("*.sse"))


class Outcome(msgspec.Struct, omit_defaults=True):
    text: str = ""
    reasoning: str = ""
    reason: str | None = None
    usage: tuple[int, int, float | None] | None = None
    model: str = ""
    error: str | None = None


def play(chunks: list[bytes]) -> Outcome:
    answer, outcome = Answer(), Outcome()

    def take(delta: Delta | None) -> None:
        if delta is not None:
            outcome.text += delta.text
            outcome.reasoning += delta.reasoning

    for chunk in chunks:
        take(answer.feed(chunk))
    take(answer.finish())
    try:
        end = answer.verdict()
    except ModelError as error:
        outcome.error = type(error).__name__
        return outcome
    outcome.reason, outcome.model = end.reason, end.model
    if end.usage is not None:
        outcome.usage = (end.usage.prompt_tokens, end.usage.completion_tokens, end.usage.cost)
    return outcome


def recorded(name: str) -> tuple[bytes, Outcome]:
    expected = msgspec.json.decode((CORPUS / f"{name}.json").read_bytes(), type=Outcome)
    return (CORPUS / f"{name}.sse").read_bytes(), expected


def test_the_corpus_is_there() -> None:
    assert len(NAMES) >= 30


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_stream_comes_out_right(name: str) -> None:
    stream, expected = recorded(name)

    assert play([stream]) == expected


@pytest.mark.parametrize("name", NAMES)
def test_every_cut_of_a_recorded_stream_comes_out_the_same(name: str) -> None:
    stream, expected = recorded(name)

    for at in range(0, len(stream), 3):
        assert play([stream[:at], stream[at:]]) == expected
    assert play([bytes([byte]) for byte in stream]) == expected


@given(data=st.binary(max_size=200))
def test_no_bytes_escape_the_error_types(data: bytes) -> None:
    assert play([b"data: " + data + b"\n\n"]).error is not None


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "delta", "content", "error", "usage", "message", "code", "object"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_escapes_the_error_types(value: object) -> None:
    outcome = play([b"data: " + msgspec.json.encode(value) + b"\n\n"])

    assert outcome.error is not None


def test_text_before_an_error_in_the_same_read_is_kept() -> None:
    answer = Answer()

    delta = answer.feed(b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\ndata: {"error":"gone"}\n\n')

    assert delta == Delta("Hi")
    assert answer.failure is not None


def test_a_server_that_does_not_stream_is_understood() -> None:
    answer = Answer()
    body = (
        b'{"model":"m","choices":[{"message":{"content":"Whole."},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":1}}'
    )

    assert answer.feed_whole(body) == Delta("Whole.")
    assert answer.verdict().usage == Usage(prompt_tokens=1)


def test_an_endless_event_is_no_answer() -> None:
    answer = Answer()
    answer.feed(b"data: " + b"x" * (MAX_EVENT_BYTES + 1))

    with pytest.raises(BadAnswerError):
        answer.verdict()


def test_what_follows_done_is_ignored() -> None:
    assert (
        play([b'data: {"choices":[{"text":"a"}]}\n\ndata: [DONE]\n\ndata: {"error":"late"}\n\n']).text == "a"
    )


def test_an_unfinished_stream_says_so() -> None:
    answer = Answer()
    answer.feed(b'data: {"choices":[{"text":"a"}]}\n\n')

    with pytest.raises(StreamBrokenError):
        answer.verdict()


def test_a_key_that_the_server_repeats_is_redacted() -> None:
    complaint = redacted(Complaint("Incorrect key sk-1 given"), "sk-1")

    assert complaint.message == "Incorrect key [redacted] given"
