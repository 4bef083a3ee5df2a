import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.failures import CommandRefusedError
from bot.commands.form import LONGEST_SLUG, clean_name, slug_of

pytestmark = pytest.mark.unit


@given(st.text(max_size=200))
def test_a_slug_is_always_a_handle(name: str) -> None:
    slug = slug_of(name)

    assert 0 < len(slug) <= LONGEST_SLUG
    assert slug.isascii()
    assert slug == slug.lower()


@pytest.mark.parametrize(
    ("name", "slug"), [("Dr. Gregory House", "dr-gregory-house"), ("Zoë", "zoe"), ("龍", "character")]
)
def test_a_slug_keeps_what_letters_it_can(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_a_name_loses_what_cannot_be_seen() -> None:
    assert clean_name("  @Ada\u200b \n Lovelace ") == "Ada Lovelace"


@pytest.mark.parametrize("name", ["", "  ", "\u200b\u200d", "@"])
def test_an_invisible_name_is_refused(name: str) -> None:
    with pytest.raises(CommandRefusedError):
        clean_name(name)
