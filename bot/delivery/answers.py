"""The parts of Discord's answers that a delivery reads."""

import msgspec


class Said(msgspec.Struct, frozen=True):
    """Who a message is by, as it is shown."""

    username: str = ""


class MessageAnswer(msgspec.Struct, frozen=True):
    """A message."""

    id: str
    content: str = ""
    webhook_id: str | None = None
    author: Said = Said()


class WebhookAnswer(msgspec.Struct, frozen=True):
    """A webhook; `token` is there for those of our own application."""

    id: str
    token: str | None = None
    application_id: str | None = None
    name: str | None = None


class Refusal(msgspec.Struct, frozen=True):
    """An error; `retry_after` in seconds on a 429."""

    code: int = 0
    message: str = ""
    retry_after: float | None = None


def read_refusal(body: bytes) -> Refusal:
    """Read an error's body, which may also be a page of HTML."""
    try:
        return msgspec.json.decode(body, type=Refusal)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return Refusal()
