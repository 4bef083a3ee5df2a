"""A choice can be typed, kept and read again, and never carries a secret."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.models.choice import ModelChoice, SavedChoice, mark_of, parse_choice
from actors.models.errors import BadRequestError
from config.settings import Settings

pytestmark = pytest.mark.unit

SECRET_URL = "https://user:pass@models.example:8443/v1?key=abc"


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("embedded", ModelChoice("embedded")),
        ("configured", ModelChoice("configured")),
        ("configured#big", ModelChoice("configured", model="big")),
        (" http://127.0.0.1:11434/v1 ", ModelChoice("server", "http://127.0.0.1:11434/v1")),
        ("https://h/v1#a/b:c", ModelChoice("server", "https://h/v1", "a/b:c")),
    ],
)
def test_what_is_typed_is_understood(text: str, choice: ModelChoice) -> None:
    assert parse_choice(text) == choice


@pytest.mark.parametrize(
    "text", ["", "gpt", "embedded#x", "ftp://h/v1", "http://k:s@h/v1", "http://h/v1?key=1"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError):
        parse_choice(text)


@given(
    model=st.text("abc/:-.0", max_size=12), place=st.sampled_from(["configured", "http://h:1/v1", "embedded"])
)
def test_a_choice_is_read_back_from_its_text(model: str, place: str) -> None:
    choice = {
        "configured": ModelChoice("configured", model=model),
        "embedded": ModelChoice("embedded"),
    }.get(place, ModelChoice("server", place, model))

    assert parse_choice(str(choice)) == choice


def test_a_saved_choice_survives_json() -> None:
    saved = SavedChoice(ModelChoice("server", "http://h/v1", "m"), "mark")

    assert msgspec.json.decode(msgspec.json.encode(saved), type=SavedChoice) == saved


def test_the_mark_changes_with_where_the_settings_point() -> None:
    marks = {
        mark_of(Settings()),
        mark_of(Settings(llm_base_url="http://a/v1")),
        mark_of(Settings(llm_base_url="http://a/v1", llm_model="m")),
        mark_of(Settings(llm_gguf="/m.gguf")),
    }

    assert len(marks) == 4


def test_the_mark_holds_no_secret() -> None:
    mark = mark_of(Settings(llm_base_url=SECRET_URL, llm_api_key="sk-1"))

    assert not any(secret in mark for secret in ("pass", "abc", "sk-1"))
