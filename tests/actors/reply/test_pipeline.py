import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.models.errors import EmptyAnswerError
from actors.reply.pipeline import ReplyPipeline

pytestmark = pytest.mark.unit

PIECES = st.sampled_from(
    [
        *(
            "<think>",
            "</think>",
            "<Thinking kind='a'>",
            "</ thinking >",
            "<reasoning/>",
            "<thinker",
            "<th",
            "<",
        ),
        *("</message>", "<message from='Ada'>", "<|im_end|>", "<|", "</s>", "[INST]", "[", "]", ">"),
        *("Ada", "Ada:", "**Ada**:", "**Ada:**", "Bob:", "Bob", "User:", "ada", ":", "*", "**", " "),
        *(
            "[10:03]",
            "[2025-11-24 10:03 PM]",
            "(10:3",
            "\n",
            "\n\n",
            "\t",
            "hello",
            "1 < 2",
            "é—😀",
            "İ",
            "ß",
        ),
        *("What? ", "Oh dear. ", "and so on and so on, and ", "-" * 40, "ha" * 20, "No! "),
    ]
)
SPEECH = st.lists(PIECES, max_size=14).map("".join)


def read(text: str, *, truncated: bool = False) -> str:
    pipeline = ReplyPipeline("Ada", ["Bob", "Ada Lovelace"], tidy=True)
    pipeline.feed(text)
    return pipeline.end(truncated=truncated)


def stream(deltas: list[str]) -> tuple[list[str], str]:
    pipeline = ReplyPipeline("Ada", ["Bob", "Ada Lovelace"], tidy=True)
    shown = [pipeline.feed(delta) for delta in deltas]
    try:
        return shown, pipeline.end()
    except EmptyAnswerError:
        return shown, ""


def cut(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(edges)]


@given(SPEECH, st.lists(st.integers(0, 10_000), max_size=30))
@example("**Ada:** hello", [5])
@example("Oh.\n</think>Hi", [3])
def test_the_split_of_the_stream_never_changes_the_final_text(text: str, places: list[int]) -> None:
    assert stream(cut(text, places))[1] == stream([text])[1]


@given(SPEECH)
@example("Oh.\n</think>Hi</message>")
def test_character_by_character_gives_the_same_text_as_all_at_once(text: str) -> None:
    assert stream(list(text))[1] == stream([text])[1]


@given(SPEECH.filter(lambda text: "</" not in text))
def test_visible_text_only_grows_until_a_loop_is_cut(text: str) -> None:
    pipeline = ReplyPipeline("Ada", ["Bob", "Ada Lovelace"], tidy=True)
    before = ""
    for char in text:
        now = pipeline.feed(char)
        assert now.startswith(before) or before.startswith(now)
        assert now.startswith(before) or pipeline.ended
        before = now


@given(SPEECH)
def test_no_known_tag_is_ever_visible(text: str) -> None:
    shown, final = stream(list(text))
    for visible in (*shown, final):
        assert "<think>" not in visible.lower()
        assert "</message>" not in visible.lower()


@given(st.text(alphabet="abcdefghij ,.'", min_size=1, max_size=300))
def test_plain_speech_passes_untouched(text: str) -> None:
    words = "Well, x" + text
    shown, final = stream(list(words))
    if final != words.strip():
        assert words.startswith(final.rstrip("…"))
        assert len(words) >= 96
    assert shown[0] == "W"


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("<think>hm</think>Hello.", "Hello."),
        ("<think>hm <think>deep</think> still</think>Hello.", "Hello."),
        ("Hello. <reasoning>I should stop", "Hello."),
        ("<THINKING kind='x'>hm</THINKING>\n\nHello.", "Hello."),
        ("Hello </think> there.", "Hello  there."),
        ("I think about it.\n</think>\n\nHello.", "Hello."),
        ("Hello.\n</think>\n", "Hello."),
        ("The <thinker> said 1 < 2 [sic].", "The <thinker> said 1 < 2 [sic]."),
        ("Ada: Hello.", "Hello."),
        ("**Ada:** Hello.", "Hello."),
        ("[10:03] Ada: [2025-11-24 10:03] Hello.", "Hello."),
        ("Ada: Ada: Ada: Ada: Ada: Ada: Hello.", "Hello."),
        ("[1:00]" * 6 + "Hello.", "[1:00]Hello."),
        ("Ada, is that you?", "Ada, is that you?"),
        ("Ada", "Ada"),
        ("Hello.\nAda: And more.", "Hello.\nAnd more."),
        ("Hello.\nBob: I disagree.", "Hello."),
        ("Hello.\n**User**: what?", "Hello."),
        ("Hello.\nBobby is here: look.", "Hello.\nBobby is here: look."),
        ("Hello.</message>", "Hello."),
        ("<message from='Ada'>Hello.</message><message from='Bob'>No.", "Hello."),
        ("Hello.<|im_end|>\n<|im_start|>user", "Hello."),
        ("Hello\0 there.\n", "Hello there."),
        ("The tide turns. " * 9, "The tide turns."),
        (
            "Well. " + "The tide turns and the gulls go home. " * 5,
            "Well. The tide turns and the gulls go home.",
        ),
        ("| a | b |\n" + "-" * 200 + "\ndone", "| a | b |\n" + "-" * 200 + "\ndone"),
    ],
)
def test_what_is_not_speech_is_removed(said: str, heard: str) -> None:
    assert read(said) == heard


@pytest.mark.parametrize(
    "said", ["", "  \n", "<think>all thought</think>", "<think>unclosed", "Ada:", "Bob: no."]
)
def test_nothing_visible_is_an_empty_answer(said: str) -> None:
    with pytest.raises(EmptyAnswerError):
        read(said)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("It rains. It pours. And the", "It rains. It pours."),
        ("No. and then there was a very long sentence", "No. and then there was a very long sentence…"),
        ("no end in sight", "no end in sight…"),
        ('"Go." She left', '"Go." She left…'),
        ("It is over.", "It is over."),
    ],
)
def test_a_reply_cut_off_by_its_limit_ends_decently(said: str, heard: str) -> None:
    assert read(said, truncated=True) == heard


@pytest.mark.parametrize("said", ["round and round we go. " * 40, "It rains. It pours. And the"])
def test_a_large_model_may_mean_every_word(said: str) -> None:
    pipeline = ReplyPipeline("Ada", ["Bob"])
    pipeline.feed(said)
    assert pipeline.end(truncated=True) == said.strip()


@pytest.mark.parametrize(
    ("fragment", "visible"),
    [
        ("<thi", ""),
        ("Hi <thi", "Hi"),
        ("Ad", ""),
        ("**Ada", ""),
        ("Hi.\nBo", "Hi."),
        ("[10:", ""),
        ("Hi </mess", "Hi"),
    ],
)
def test_an_ambiguous_beginning_is_held_back(fragment: str, visible: str) -> None:
    assert ReplyPipeline("Ada", ["Bob"]).feed(fragment) == visible


def test_a_finished_reply_takes_nothing_more() -> None:
    pipeline = ReplyPipeline("Ada", ["Bob"])
    pipeline.feed("Hi.\nBob: yes")
    pipeline.feed("\nmore")
    assert pipeline.ended
    assert pipeline.end(truncated=True) == "Hi."


def test_a_thought_that_was_shown_gives_way_to_the_answer() -> None:
    pipeline = ReplyPipeline("Ada", tidy=True)
    assert pipeline.feed("First I ponder.\n") == "First I ponder."
    assert pipeline.feed("</think>\nHello.") == "Hello."
