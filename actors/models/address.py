"""The address of a model server: where to ask, and what of it may be shown."""

from urllib.parse import urlsplit, urlunsplit

PROVIDERS = {"api.openai.com": "openai", "openrouter.ai": "openrouter"}


def url_of(base_url: str, path: str) -> str:
    """Return the address of `path` on a server; a query of the base URL stays at the end."""
    head, mark, query = base_url.partition("?")
    return f"{head.rstrip('/')}{path}{mark}{query}"


def without_secrets(url: str) -> str:
    """Return a URL without user, password and query, for people and logs."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def provider_of(base_url: str) -> str:
    """Return the label of whoever runs a server."""
    return PROVIDERS.get(urlsplit(base_url).hostname or "", "openai-compatible")
