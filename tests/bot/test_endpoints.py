import pytest

from bot.endpoints import api_base

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:1",
        "http://localhost:1/",
        "http://localhost:1/api/v10",
        "http://localhost:1/api/v10/",
    ],
)
def test_the_version_path_may_be_given_or_not(url: str) -> None:
    assert api_base(url) == "http://localhost:1/api/v10"
