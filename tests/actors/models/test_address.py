"""Addresses are put together right and shown without their secrets."""

import pytest

from actors.models.address import local_provider, provider_of, url_of, without_secrets

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


def test_what_is_no_url_is_not_shown() -> None:
    assert without_secrets("http://[user:pass@h/v1") == "(not a URL)"


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("http://[broken", "openai-compatible"),
        ("https://api.openai.com/v1", "openai"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("http://10.0.0.2:8000/v1", "openai-compatible"),
        ("", "openai-compatible"),
    ],
)
def test_a_provider_is_known_by_its_host(url: str, provider: str) -> None:
    assert provider_of(url) == provider


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("http://127.0.0.1:11434/v1", "ollama"),
        ("http://localhost:1234/v1", "lm-studio"),
        ("http://[::1]:11434/v1", "ollama"),
        ("http://localhost:5000/v1", None),
        ("http://10.0.0.2:11434/v1", None),
        ("http://localhost:port/v1", None),
        ("nonsense", None),
    ],
)
def test_a_server_on_this_machine_is_known_by_its_port(url: str, provider: str | None) -> None:
    assert local_provider(url, {"ollama": 11434, "lm-studio": 1234}) == provider
