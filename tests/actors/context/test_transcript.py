from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.context.plan import Identity, make_plan
from actors.context.request import names_in, prepare_request
from actors.context.tokens import estimate_tokens
from actors.context.transcript import opening_words, render_transcript
from storage.records import Message, Personality
from tests.actors.scripted import EPOCH, FixedVoice, message, personality

pytestmark = pytest.mark.unit

ADA = personality(
    "Ada",
    who="Ada keeps the lamp. She has a long history.",
    speech="She whispers. Always.",
    examples=(("How are you?", "Aye, fair."), ("Why?", "Aye, and wind.\nMuch wind.")),
)
BARE = personality("Bare", first_message="Come in.")
SMALL = FixedVoice(form="transcript", prompt_tokens=1900)


def transcript(*log: Message, speaker: Personality = ADA, budget: int = 1900) -> list[str]:
    plan = make_plan(speaker, [speaker], log, log[-1:], EPOCH)
    return render_transcript(plan, budget).split("\n")


def test_one_line_of_persona_examples_and_the_log_end_where_the_answer_begins() -> None:
    assert transcript(message("@Ada hello\nthere")) == [
        "Ada keeps the lamp. She whispers.",
        "",
        "Visitor: How are you?",
        "Ada: Aye, fair.",
        "Visitor: Why?",
        "Ada: Aye, and wind. Much wind.",
        "Pip: Ada hello there",
        "Ada: Aye,",
    ]


def test_a_character_without_examples_shows_its_first_message() -> None:
    assert transcript(message("hi"), speaker=BARE) == [
        "Bare talks with visitors.",
        "",
        "Bare: Come in.",
        "Pip: hi",
        "Bare:",
    ]


def test_only_the_newest_lines_are_kept() -> None:
    lines = transcript(*(message(f"line {at}", at) for at in range(20)))
    assert [text for text in lines if text.startswith("Pip")] == [f"Pip: line {at}" for at in range(17, 20)]


def test_own_lines_are_left_out_since_a_small_model_would_repeat_them() -> None:
    own = message("Aye, herring.", 1, author="Ada", personality_id=ADA.id)
    assert "Ada: Aye, herring." not in transcript(own, message("and then?", 2))


def test_a_small_budget_drops_lines_but_never_the_last() -> None:
    log = [message("word " * 40 + str(at), at) for at in range(6)]
    lines = transcript(*log, budget=120)
    assert len([text for text in lines if text.startswith("Pip")]) == 1


@given(st.text(max_size=4000))
def test_any_message_fits_on_one_short_line(text: str) -> None:
    lines = transcript(message(text))
    assert len(lines) == 8
    assert estimate_tokens(lines[-2]) < 150


@pytest.mark.parametrize(
    ("answers", "opening"),
    [
        (["Aye, fair.", "Aye, wind."], "Aye,"),
        (["(bows) I", "(sits) You"], "("),
        (["BEEP! Mood", "BEEP! Making"], "BEEP!"),
        (["The cups say yes", "The cups say no"], "The cups say"),
        (["One", "Two"], ""),
        (["Same.", "Same."], "Same."),
        (["Alone."], ""),
        ([], ""),
    ],
)
def test_the_answer_is_begun_as_all_examples_begin(answers: list[str], opening: str) -> None:
    examples = tuple(("?", answer) for answer in answers)
    identity = Identity(label="Ada", who="", speech="", first_message="", examples=examples)
    assert opening_words(identity) == opening


def test_a_small_model_gets_a_prompt_and_a_large_one_messages() -> None:
    plan = make_plan(ADA, [ADA], [message("hi")], [message("hi")], EPOCH)
    small, large = (prepare_request(plan, voice, "x") for voice in (SMALL, FixedVoice()))
    assert (small.opening, small.request.messages) == ("Aye,", ())
    assert cast("str", small.request.prompt).endswith("Ada: Aye,")
    assert (large.opening, large.request.prompt) == ("", None)


def test_everyone_else_is_named_so_that_nobody_is_spoken_for() -> None:
    bob = personality("Bob")
    log = [message("hi", 1), message("yo", 2, author="Cyn", personality_id=personality("Cyn").id)]
    plan = make_plan(ADA, [ADA, bob], log, log[:1], EPOCH)
    assert set(names_in(plan)) == {"Pip", "Bob", "Cyn", "Visitor"}
