"""The sandbox's own record of everything posted, edited and deleted, and of every request's outcome."""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from sandbox.state import EPHEMERAL_CREATE, EPHEMERAL_DELETE, EPHEMERAL_UPDATE
from sandbox.untyped import record
from sandbox.world import World

KEPT = 100_000
"""Entries kept of each record; the oldest go first."""
_ACTIONS: Mapping[str, Literal["post", "edit", "delete"]] = {
    "MESSAGE_CREATE": "post",
    "MESSAGE_UPDATE": "edit",
    "MESSAGE_DELETE": "delete",
    EPHEMERAL_CREATE: "post",
    EPHEMERAL_UPDATE: "edit",
    EPHEMERAL_DELETE: "delete",
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a message. `at` is `time.monotonic()`, `wall` seconds since the epoch."""

    at: float
    wall: float
    action: Literal["post", "edit", "delete"]
    channel_id: int
    message_id: int
    author_id: int = 0
    author: str = ""
    webhook_id: int = 0
    content: str = ""
    ephemeral: bool = False


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One REST request and how it was answered; `scope` is set on 429s, `fault` when the script struck."""

    at: float
    method: str
    route: str
    status: int
    channel_id: int = 0
    webhook_id: int = 0
    scope: str = ""
    fault: str = ""


class Ledger:
    """Listens to the world from its creation on.

    Attributes:
        entries: changes of messages, oldest first.
        requests: answered requests, oldest first.
        counts: number of answers by (route, status).
    """

    def __init__(self, world: World, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self.requests: deque[Request] = deque(maxlen=KEPT)
        self.counts: Counter[tuple[str, int]] = Counter()
        self._monotonic = monotonic
        world.subscribe(self._hear)

    def note(self, request: Request) -> None:
        """Record the outcome of a request."""
        self.requests.append(request)
        self.counts[(request.route, request.status)] += 1

    def of_message(self, message_id: int) -> list[Entry]:
        """Return the history of one message."""
        return [entry for entry in self.entries if entry.message_id == message_id]

    def posts(self, channel_id: int | None = None) -> list[Entry]:
        """Return what was posted, in one channel or everywhere."""
        return [e for e in self.entries if e.action == "post" and channel_id in {None, e.channel_id}]

    def clear(self) -> None:
        """Forget everything so far."""
        self.entries.clear()
        self.requests.clear()
        self.counts.clear()

    def _hear(self, event: str, payload: Mapping[str, Any]) -> None:
        if event == "MESSAGE_DELETE_BULK":
            for message_id in payload["ids"]:
                self._add("delete", {"id": message_id, "channel_id": payload["channel_id"]}, ephemeral=False)
        elif action := _ACTIONS.get(event):
            self._add(action, payload, ephemeral=event.startswith("SANDBOX_"))

    def _add(
        self, action: Literal["post", "edit", "delete"], payload: Mapping[str, Any], *, ephemeral: bool
    ) -> None:
        author = record(payload.get("author"))
        self.entries.append(
            Entry(
                at=self._monotonic(),
                wall=time.time(),
                action=action,
                channel_id=int(payload["channel_id"]),
                message_id=int(payload["id"]),
                author_id=int(author.get("id") or 0),
                author=str(author.get("username") or ""),
                webhook_id=int(payload.get("webhook_id") or 0),
                content=str(payload.get("content") or ""),
                ephemeral=ephemeral,
            )
        )
