"""Discord's checks that SimCord leaves out, with Discord's codes."""

from collections.abc import Sequence
from typing import Any

from sandbox.requests import Upload
from sandbox.simulator import BackendError
from sandbox.state import ATTACHMENT_LIMIT

CONTENT_LIMIT = 2000
NONCE_LIMIT = 25
NAME_LIMIT = 80
AVATAR_URL_LIMIT = 2048
WEBHOOKS_PER_CHANNEL = 15
WEBHOOKS_PER_GUILD = 1000
CHOICES_LIMIT = 25
FILES_LIMIT = 10
_RESERVED_NAMES = ("clyde", "discord")


def form_error(field: str, code: str, message: str) -> BackendError:
    """Return 50035 with the error under its field, as Discord nests it."""
    errors = {field: {"_errors": [{"code": code, "message": message}]}}
    return BackendError(400, 50035, "Invalid Form Body", errors=errors)


def check_content(body: dict[str, Any]) -> None:
    """Refuse text of more than 2000 characters.

    Raises:
        BackendError: 50035.
    """
    content = body.get("content")
    if isinstance(content, str) and len(content) > CONTENT_LIMIT:
        message = f"Must be {CONTENT_LIMIT} or fewer in length."
        raise form_error("content", "BASE_TYPE_MAX_LENGTH", message)


def check_nonce(nonce: Any) -> None:
    """Refuse a nonce that is neither an integer nor a text of at most 25 characters.

    Raises:
        BackendError: 50035.
    """
    if isinstance(nonce, bool) or not isinstance(nonce, int | str) or len(str(nonce)) > NONCE_LIMIT:
        raise form_error(
            "nonce", "NONCE_TYPE_INVALID", "Nonce must be an int or a string of 25 or fewer characters."
        )


def check_webhook_name(name: Any, field: str = "name") -> None:
    """Refuse names of webhooks that Discord refuses (resources, webhook).

    Raises:
        BackendError: 50035.
    """
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= NAME_LIMIT:
        message = f"Must be between 1 and {NAME_LIMIT} in length."
        raise form_error(field, "BASE_TYPE_BAD_LENGTH", message)
    for reserved in _RESERVED_NAMES:
        if reserved in name.lower():
            message = f'Username cannot contain "{reserved}"'
            raise form_error(field, "USERNAME_INVALID_CONTAINS", message)


def check_avatar_url(url: Any) -> None:
    """Refuse addresses of pictures that are no http(s) URL of at most 2048 characters.

    Raises:
        BackendError: 50035.
    """
    if not isinstance(url, str) or len(url) > AVATAR_URL_LIMIT or not url.startswith(("http://", "https://")):
        raise form_error("avatar_url", "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('http', 'https').")


def check_files(files: Sequence[Upload]) -> None:
    """Refuse more than 10 files or one above 10 MiB.

    Raises:
        BackendError: 50035 or 40005.
    """
    if len(files) > FILES_LIMIT:
        raise form_error("attachments", "BASE_TYPE_MAX_LENGTH", f"Must be {FILES_LIMIT} or fewer in length.")
    if any(len(file.data) > ATTACHMENT_LIMIT for file in files):
        raise too_large()


def too_large() -> BackendError:
    """Return 40005."""
    return BackendError(413, 40005, "Request entity too large")


def check_webhook_count(in_channel: int, in_guild: int) -> None:
    """Refuse one webhook more than 15 per channel or 1000 per guild.

    Raises:
        BackendError: 30007 or 30058.
    """
    if in_channel >= WEBHOOKS_PER_CHANNEL:
        raise BackendError(400, 30007, f"Maximum number of webhooks reached ({WEBHOOKS_PER_CHANNEL})")
    if in_guild >= WEBHOOKS_PER_GUILD:
        raise BackendError(400, 30058, f"Maximum number of webhooks per guild reached ({WEBHOOKS_PER_GUILD})")
