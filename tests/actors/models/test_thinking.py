"""Thought that is written inline never becomes speech, and speech never becomes thought."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.models.thinking import InlineThought

pytestmark = pytest.mark.unit


def split(pieces: list[str]) -> tuple[str, str]:
    splitter = InlineThought()
    parts = [splitter.split(piece) for piece in pieces]
    parts.append(splitter.finish())
    return "".join(thought for thought, _ in parts), "".join(speech for _, speech in parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello.", ("", "Hello.")),
        ("<think>a</think>b", ("a", "b")),
        ("\n <thinking>a</thinking>b", ("a", "b")),
        ("<think></think>b", ("", "b")),
        ("<think>never ends", ("never ends", "")),
        ("<think>half </thi", ("half </thi", "")),
        ("<thin", ("", "<thin")),
        ("b <think>a</think>", ("", "b <think>a</think>")),
        ("<think>a</think>b</think>", ("a", "b</think>")),
        ("<think>a < b</think>c", ("a < b", "c")),
        ("", ("", "")),
    ],
)
def test_only_an_opening_block_is_thought(text: str, expected: tuple[str, str]) -> None:
    assert split([text]) == expected
    assert split(list(text)) == expected


@given(thought=st.text("ab< /think>", max_size=20), speech=st.text("ab<t", min_size=1), cut=st.integers(1, 7))
def test_cuts_change_nothing(thought: str, speech: str, cut: int) -> None:
    text = f"<think>{thought}</think>{speech}"

    assert split([text[i : i + cut] for i in range(0, len(text), cut)]) == split([text])


@given(text=st.text(max_size=40).filter(lambda text: not text.lstrip().startswith("<think")))
def test_without_an_opening_block_all_is_speech(text: str) -> None:
    assert split(list(text)) == ("", text)
