import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.reply.chunks import FENCE, LIMIT, Piece, below, length, split, with_footer

pytestmark = pytest.mark.unit

PARTS = st.sampled_from(
    [
        "word",
        "Ünï",
        "a sentence. ",
        "Why? ",
        "\n",
        "\n\n",
        "  ",
        "    indented",
        "```",
        "```python\n",
        "`",
        "x" * 30,
        *["🎭", "👩‍👩‍👧", "e\u0301", "-# small", "> quote\n", "…", "。"],
    ]
)
TEXTS = st.lists(PARTS, max_size=40).map("".join)
LIMITS = st.integers(60, 120)


def gaps(text: str, pieces: tuple[Piece, ...]) -> list[str]:
    """Return what of the text lies in no piece."""
    edges = [0, *[edge for piece in pieces for edge in (piece.start, piece.end)], len(text)]
    return [text[first:last] for first, last in zip(edges[::2], edges[1::2], strict=True)]


@given(TEXTS, LIMITS)
def test_nothing_but_space_and_closing_fences_lies_between_pieces(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert all(gap.strip() in {"", FENCE} for gap in gaps(text, pieces)[:-1])


@given(TEXTS, LIMITS)
def test_nothing_but_space_and_loose_marks_lies_after_the_last_piece(text: str, limit: int) -> None:
    assert gaps(text, split(text, limit))[-1].strip("` \n\t") == ""


@given(TEXTS, LIMITS)
def test_every_piece_shows_its_part_of_the_text(text: str, limit: int) -> None:
    for piece in split(text, limit):
        assert text[piece.start : piece.end].rstrip() in piece.shown


@given(TEXTS, LIMITS)
def test_no_piece_is_too_long_or_empty(text: str, limit: int) -> None:
    assert all(0 < length(piece.shown) <= limit for piece in split(text, limit))


@given(TEXTS, LIMITS)
def test_every_piece_closes_the_fences_that_it_opens(text: str, limit: int) -> None:
    assert all(piece.shown.count(FENCE) % 2 == 0 for piece in split(text, limit))


@given(TEXTS, LIMITS, st.data())
def test_a_growing_text_never_changes_a_piece_that_has_a_successor(
    text: str, limit: int, data: st.DataObject
) -> None:
    before = split(text[: data.draw(st.integers(0, len(text)))], limit)
    after = split(text, limit)
    assert after[: max(0, len(before) - 1)] == before[:-1]


@given(TEXTS, LIMITS, st.data())
@example("```python\n" + "x = 1\n" * 40, 60, None)
def test_a_growing_text_never_takes_a_piece_away(text: str, limit: int, data: st.DataObject | None) -> None:
    at = data.draw(st.integers(0, len(text))) if data else len(text) - 3
    assert len(split(text[:at], limit)) <= len(split(text, limit))


@given(TEXTS, LIMITS, st.data())
def test_pieces_end_where_they_must(text: str, limit: int, data: st.DataObject) -> None:
    pieces = split(text, limit)
    ends = [piece.end for piece in pieces[: data.draw(st.integers(0, len(pieces)))]]
    assert split(text, limit, ends) == pieces


def test_a_frozen_piece_ends_in_mid_word_and_the_rest_follows() -> None:
    pieces = split("It was wonderful", LIMIT, [10])
    assert [piece.shown for piece in pieces] == ["It was won", "derful"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("a" * 70 + "\n\n" + "b c " * 20, "a" * 70),
        ("a" * 60 + ". " + "b" * 60, "a" * 60 + "."),
        ("a" * 60 + '!" ' + "b" * 60, "a" * 60 + '!"'),
        ("a" * 60 + " " + "b" * 60, "a" * 60),
        ("a" * 60 + "\n" + "b" * 10 + ". " + "c" * 60, "a" * 60),
    ],
    ids=["paragraph", "sentence", "quotation", "word", "line before sentence"],
)
def test_a_long_text_is_cut_at_the_best_place(text: str, first: str) -> None:
    assert split(text, 100)[0].shown == first


def test_code_goes_on_in_its_language_with_its_indentation() -> None:
    text = "```python\n" + "".join(f"    line_{number} = {number}\n" for number in range(20)) + "```"
    pieces = [piece.shown for piece in split(text, 120)]
    assert all(piece.startswith("```python\n    line_") and piece.endswith("\n```") for piece in pieces)


def test_a_cut_before_a_code_block_is_preferred_to_one_inside() -> None:
    text = "Look at this code here, it is rather long. See:\n```\n" + "x = 1\n" * 8 + "```"
    assert split(text, 90)[1].shown == "```\n" + "x = 1\n" * 8 + "```"


def test_a_code_block_that_ends_at_the_cut_is_not_opened_again() -> None:
    code = "```\n" + "y" * 30 + "\n" + "y" * 21
    pieces = [piece.shown for piece in split(code + "\n```\nAnd so it goes, on and on.", 64)]
    assert pieces[-1] == "And so it goes, on and on."


def test_an_emoji_counts_as_two_and_stays_whole() -> None:
    pieces = split("🎭" * 100, 80)
    assert [length(piece.shown) <= 80 and set(piece.shown) == {"🎭"} for piece in pieces] == [True] * 3


def test_a_mark_stays_on_its_letter() -> None:
    assert not any(piece.shown.startswith("\u0301") for piece in split("e\u0301" * 100, 80))


def test_a_footer_stands_below_the_last_message() -> None:
    assert with_footer("Good evening.", "two went\nunanswered") == (
        "Good evening.\n-# two went unanswered",
        None,
    )


def test_a_footer_without_room_gets_a_message_of_its_own() -> None:
    assert with_footer("x" * 95, "a note", 100) == ("x" * 95, "-# a note")


def test_a_footer_may_stand_alone() -> None:
    assert with_footer("", "a note") == ("-# a note", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "Alas!"), ("So far", "So far\n\nAlas!"), ("```\ncode", "```\ncode\n```\n\nAlas!")],
)
def test_a_notice_stands_below_what_is_shown(text: str, expected: str) -> None:
    assert below(text, "Alas!") == expected
