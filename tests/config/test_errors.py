import pickle

import pytest

from config.errors import TroupeError

pytestmark = pytest.mark.unit


class SampleError(TroupeError):
    """A sample happened."""

    retryable = True
    user_message = "Sample."


def test_every_field_survives_pickling() -> None:
    error = SampleError("what", retryable=False, retry_after=2.5, user_message="words")

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (str(copy), copy.retryable, copy.retry_after, copy.user_message) == ("what", False, 2.5, "words")


def test_what_is_not_given_comes_from_the_class() -> None:
    assert (SampleError().retryable, SampleError().user_message) == (True, "Sample.")


def test_without_words_the_docstring_speaks() -> None:
    assert str(SampleError()) == "A sample happened."
