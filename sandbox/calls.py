"""What a REST request is about: its route, the things it concerns, and the limits that apply to it."""

import re

import msgspec

_NUMBER = re.compile(r"\d+")
_SECRET_SEGMENTS = frozenset({"webhooks", "interactions"})


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request, classified. `route` is the path with ids replaced, as limits and faults see it."""

    method: str
    path: str
    route: str
    kind: str
    channel_id: int = 0
    message_id: int = 0
    webhook_id: int = 0
    token: str = ""
    exempt_from_global: bool = False


def classify(method: str, path: str, *, application_id: int, channel_of_webhook: int = 0) -> Call:
    """Read a path such as `/channels/1/messages/2` (no `/api/v10`) into a `Call`.

    Args:
        method: the HTTP method.
        path: the path without prefix and query.
        application_id: webhook paths under it are answers to interactions.
        channel_of_webhook: the channel of the webhook that the path names, when the caller knows it.
    """
    segments = path.strip("/").split("/")
    first = segments[0]
    number = int(segments[1]) if len(segments) > 1 and _NUMBER.fullmatch(segments[1]) else 0
    token = segments[2] if first in _SECRET_SEGMENTS and len(segments) > 2 else ""  # noqa: PLR2004 - /webhooks/id/token
    interaction = first == "interactions" or (first == "webhooks" and number == application_id)
    return Call(
        method=method,
        path=path,
        route=f"{method} {_template(segments, token)}",
        kind=_kind(method, segments, interaction=interaction),
        channel_id=number if first == "channels" else channel_of_webhook,
        message_id=_message_id(segments),
        webhook_id=number if first == "webhooks" else 0,
        token=token,
        exempt_from_global=interaction,
    )


def _message_id(segments: list[str]) -> int:
    if "messages" not in segments[:-1]:
        return 0
    text = segments[segments.index("messages") + 1]
    return int(text) if _NUMBER.fullmatch(text) else 0


def _template(segments: list[str], token: str) -> str:
    shown = ["{id}" if _NUMBER.fullmatch(s) else "{token}" if s == token else s for s in segments]
    if "reactions" in shown:
        at = shown.index("reactions") + 1
        shown[at:] = ["{emoji}"] if len(shown) > at else []
    return "/" + "/".join(shown)


def _kind(method: str, segments: list[str], *, interaction: bool) -> str:
    if interaction:
        return "callback" if segments[0] == "interactions" else "interaction"
    shape = (method, segments[0], *segments[2::2])
    if segments[0] == "webhooks":
        return _WEBHOOK_KINDS.get((method, len(segments)), "webhook")
    if "reactions" in segments:
        return "reaction"
    return _CHANNEL_KINDS.get((shape, len(segments)), "other")


_WEBHOOK_KINDS = {
    ("POST", 3): "webhook_execute",
    ("PATCH", 5): "webhook_edit",
    ("DELETE", 5): "webhook_delete",
}
_CHANNEL_KINDS: dict[tuple[tuple[str, ...], int], str] = {
    (("POST", "channels", "messages"), 3): "message_create",
    (("PATCH", "channels", "messages"), 4): "message_edit",
    (("DELETE", "channels", "messages"), 4): "message_delete",
    (("POST", "channels", "typing"), 3): "typing",
    (("POST", "channels", "webhooks"), 3): "webhook_create",
}
