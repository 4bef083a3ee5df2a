"""The address of a model server: where to ask, and what of it may be shown."""

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit, urlunsplit

LOCAL_HOSTS = {"127.0.0.1", "localhost", "::1"}
PROVIDERS = {"api.openai.com": "openai", "openrouter.ai": "openrouter"}


def url_of(base_url: str, path: str) -> str:
    """Return the address of `path` on a server; a query of the base URL stays at the end."""
    head, mark, query = base_url.partition("?")
    return f"{head.rstrip('/')}{path}{mark}{query}"


def without_secrets(url: str) -> str:
    """Return a URL without user, password and query, for people and logs."""
    parts = _split(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def provider_of(base_url: str) -> str:
    """Return the label of whoever runs a server."""
    return PROVIDERS.get(_split(base_url).hostname or "", "openai-compatible")


def local_provider(base_url: str, ports: Mapping[str, int]) -> str | None:
    """Return whose usual port a server on this machine has, if any's."""
    parts = _split(base_url)
    if parts.hostname not in LOCAL_HOSTS:
        return None
    return next((provider for provider, port in ports.items() if parts.netloc.endswith(f":{port}")), None)


def _split(url: str) -> SplitResult:
    """Split a URL; one that is none has only a path, which says so."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("(not a URL)")
