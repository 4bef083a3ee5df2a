from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from storage.codecs import (
    decode_jsonb,
    decode_text,
    decode_vector,
    encode_jsonb,
    encode_text,
    encode_vector,
)

pytestmark = pytest.mark.unit

clean = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | clean,
    lambda inner: st.lists(inner) | st.dictionaries(clean, inner),
)


@given(values)
def test_json_values_come_back_as_they_were(value: Any) -> None:
    assert decode_jsonb(encode_jsonb(value)) == value


@given(st.text(st.sampled_from('\\u0\0a"')))
@example("\\\0")
@example("\\u0000")
@example("\\\\\0\\u0000")
def test_json_text_loses_its_nul_characters_and_nothing_else(text: str) -> None:
    assert decode_jsonb(encode_jsonb([text])) == [text.replace("\0", "")]


@given(clean)
def test_text_comes_back_as_it_was(text: str) -> None:
    assert decode_text(encode_text(text)) == text


def test_text_that_postgres_refuses_is_mended() -> None:
    assert decode_text(encode_text("a\0b\ud800c")) == "ab?c"


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_vectors_come_back_as_they_were(vector: list[float]) -> None:
    assert decode_vector(encode_vector(vector)) == vector
