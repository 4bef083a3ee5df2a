"""A profile leaves room for the answer and asks only for what its server takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.models.chat import Sampling
from actors.models.profiles import (
    DEMONSTRATION,
    OWN_GGUF,
    SERVER,
    SERVER_CONTEXT_LIMIT,
    PromptProfile,
    server_profile,
)

pytestmark = pytest.mark.unit

ALL = [DEMONSTRATION, OWN_GGUF, SERVER]


@pytest.mark.parametrize("profile", ALL)
def test_the_answer_is_limited_to_its_room(profile: PromptProfile) -> None:
    assert profile.sampling.max_tokens == profile.reply_tokens


@pytest.mark.parametrize("profile", ALL)
def test_prompt_and_answer_fit_together(profile: PromptProfile) -> None:
    assert 0 < profile.prompt_tokens + profile.reply_tokens < profile.context_tokens


def test_the_demonstration_model_writes_one_line_of_a_transcript() -> None:
    assert (DEMONSTRATION.form, DEMONSTRATION.sampling.stop) == ("transcript", ("\n",))


def test_the_demonstration_model_has_a_quarter_of_its_context() -> None:
    assert DEMONSTRATION.context_tokens == 2048


def test_a_server_gets_only_parameters_that_all_take() -> None:
    assert SERVER.sampling == Sampling(max_tokens=SERVER.reply_tokens)


def test_a_server_known_for_a_small_context_is_not_overfilled() -> None:
    assert server_profile(None, "ollama").context_tokens == 4096


def test_what_a_server_says_counts_more_than_what_is_usual() -> None:
    assert server_profile(16_384, "ollama").context_tokens == 16_384


def test_a_server_that_names_no_context_gets_a_careful_one() -> None:
    assert server_profile(None) is SERVER


@given(context=st.integers(512, 2_000_000))
def test_any_context_of_a_server_is_fitted(context: int) -> None:
    profile = server_profile(context)

    assert profile.context_tokens <= min(context, SERVER_CONTEXT_LIMIT)
    assert profile.prompt_tokens > profile.context_tokens // 2
    assert profile.sampling.max_tokens == profile.reply_tokens <= SERVER.reply_tokens
