import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.context.budget import LINE_OVERHEAD, fit_log, shorten_text
from actors.context.plan import Line
from actors.context.tokens import estimate_tokens
from tests.actors.scripted import EPOCH, snowflake

pytestmark = pytest.mark.unit


def line(at: int, text: str = "some words here") -> Line:
    return Line(id=snowflake(at), label="Pip", own=False, text=text, at=EPOCH)


def cost(lines: tuple[Line, ...]) -> int:
    return sum(estimate_tokens(said.body) + LINE_OVERHEAD for said in lines)


@given(st.integers(1, 60), st.integers(60, 2000))
def test_the_newest_lines_stay_and_fit(count: int, tokens: int) -> None:
    log = [line(at) for at in range(count)]
    kept = fit_log(log, tokens)
    assert kept == tuple(log[-len(kept) :])
    assert cost(kept) <= tokens


def test_the_last_line_stays_however_small_the_budget() -> None:
    assert len(fit_log([line(1), line(2, "word " * 800)], 40)) == 1


def test_a_log_that_fits_is_whole() -> None:
    log = [line(at) for at in range(20)]
    assert fit_log(log, 10_000) == tuple(log)


def test_the_head_of_a_full_log_moves_seldom() -> None:
    log = [line(at) for at in range(200)]
    heads = {fit_log(log[:size], 600)[0].id for size in range(60, 200)}
    assert len(heads) < 140 / 3


def test_a_message_of_four_thousand_characters_loses_its_middle() -> None:
    text = "begin " + "x y z " * 660 + " end"
    short = shorten_text(text, 200)
    assert short.startswith("begin")
    assert short.endswith("end")
    assert estimate_tokens(short) <= 210


@given(st.text(max_size=500), st.text(max_size=500))
def test_more_text_is_never_estimated_as_less(one: str, other: str) -> None:
    assert estimate_tokens(one + other) >= max(estimate_tokens(one), estimate_tokens(other)) > 0


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("The lighthouse keeper walked slowly down the stairs and looked at the sea.", 15, 26),
        ("Der Leuchtturmwärter ging langsam die Treppe hinunter und sah aufs Meer.", 18, 32),
        ("灯台守はゆっくりと階段を下りて、海を見た。", 21, 46),
    ],
)
def test_estimates_are_near_what_tokenizers_count(text: str, least: int, most: int) -> None:
    assert least <= estimate_tokens(text) <= most
