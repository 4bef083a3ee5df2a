"""Addresses are put together right and shown without their secrets."""

import pytest

from actors.models.address import provider_of, url_of, without_secrets

pytestmark = pytest.mark.unit

SECRET_URL = "https://user:pass@models.example:8443/v1?key=abc"


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://h/v1", "http://h/v1/models"),
        ("http://h/v1/", "http://h/v1/models"),
        ("http://h/v1?version=2", "http://h/v1/models?version=2"),
    ],
)
def test_a_path_goes_below_the_base_url(base_url: str, url: str) -> None:
    assert url_of(base_url, "/models") == url


def test_a_url_loses_its_secrets() -> None:
    assert without_secrets(SECRET_URL) == "https://models.example:8443/v1"


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("http://10.0.0.2:8000/v1", "openai-compatible"),
        ("", "openai-compatible"),
    ],
)
def test_a_provider_is_known_by_its_host(url: str, provider: str) -> None:
    assert provider_of(url) == provider
