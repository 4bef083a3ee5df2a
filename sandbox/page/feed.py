"""Everything that the page may show, numbered, and kept a while for tabs that come back."""

import secrets
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sandbox.page import wire
from sandbox.page.reading import Reader
from sandbox.simulator import channel_accessible
from sandbox.state import EPHEMERAL_CREATE, EPHEMERAL_DELETE, EPHEMERAL_UPDATE
from sandbox.world import World

KEPT_EVENTS = 4096
"""Events kept for resuming: minutes of several characters streaming at once."""


class Entry(msgspec.Struct, frozen=True):
    """One event, encoded once for all tabs, and who may see it."""

    seq: int
    body: bytes
    channel_id: int | None = None
    only_for: int | None = None


class Feed:
    """Turns what the world emits into events of the page.

    `epoch` names this life of the server: a tab from another life cannot resume.
    """

    def __init__(self, world: World, *, kept: int = KEPT_EVENTS) -> None:
        self.epoch = secrets.token_hex(8)
        self.seq = 0
        self._state = world.state
        self._reader = Reader(world)
        self._log: deque[Entry] = deque(maxlen=kept)
        self._tabs: dict[Callable[[Entry], None], None] = {}
        self._known_dms: set[str] = set()
        self._encoder = msgspec.json.Encoder()
        self.close = world.subscribe(self._on_event)

    def follow(self, tab: Callable[[Entry], None]) -> Callable[[], None]:
        """Call `tab` for every later event; returns a function that ends it."""
        self._tabs[tab] = None
        return lambda: self._tabs.pop(tab, None)

    def since(self, epoch: str | None, last_seq: int) -> list[Entry] | None:
        """Return the events after `last_seq`, or None when some of them are gone."""
        first = self._log[0].seq if self._log else self.seq + 1
        if epoch != self.epoch or not first - 1 <= last_seq <= self.seq:
            return None
        return [entry for entry in self._log if entry.seq > last_seq]

    def visible(self, entry: Entry, user_id: int) -> bool:
        """Whether this person may see the event."""
        if entry.only_for is not None:
            return entry.only_for == user_id
        return entry.channel_id is None or channel_accessible(self._state, entry.channel_id, user_id)

    def _on_event(self, name: str, payload: Mapping[str, Any]) -> None:
        if name == "MESSAGE_CREATE" and "guild_id" not in payload:
            self._introduce(str(payload["channel_id"]))
        translate = _TRANSLATIONS.get(name)
        event = translate(self._reader, self.seq + 1, payload) if translate else None
        if event is None:
            return
        self.seq += 1
        entry = Entry(
            self.seq, self._encoder.encode(event), _channel_of(name, payload), _only_for(name, payload)
        )
        self._log.append(entry)
        for tab in tuple(self._tabs):
            tab(entry)

    def _introduce(self, channel_id: str) -> None:
        """Show a DM channel before its first message; Discord's gateway says nothing of it to bots."""
        if channel_id not in self._known_dms:
            self._known_dms.add(channel_id)
            self._on_event("CHANNEL_CREATE", self._reader.channel_payload(int(channel_id)))


def _channel_of(name: str, payload: Mapping[str, Any]) -> int | None:
    if name in {"CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE"}:
        return int(payload["id"])
    return int(payload["channel_id"]) if "channel_id" in payload else None


def _only_for(name: str, payload: Mapping[str, Any]) -> int | None:
    if name not in {EPHEMERAL_CREATE, EPHEMERAL_UPDATE}:
        return None
    return int(payload["interaction_metadata"]["user"]["id"])


def _created(reader: Reader, seq: int, payload: Mapping[str, Any]) -> wire.Event:
    return wire.MessageCreate(seq=seq, message=reader.message(payload))


def _updated(reader: Reader, seq: int, payload: Mapping[str, Any]) -> wire.Event | None:
    if "author" not in payload:
        return None
    return wire.MessageUpdate(seq=seq, message=reader.message(payload))


def _deleted(_reader: Reader, seq: int, payload: Mapping[str, Any]) -> wire.Event:
    ids = payload["ids"] if "ids" in payload else [payload["id"]]
    return wire.MessageDelete(seq=seq, channel_id=payload["channel_id"], ids=list(ids))


def _typing(_reader: Reader, seq: int, payload: Mapping[str, Any]) -> wire.Event:
    return wire.Typing(seq=seq, channel_id=str(payload["channel_id"]), user_id=str(payload["user_id"]))


def _reacted(reader: Reader, seq: int, payload: Mapping[str, Any]) -> wire.Event:
    channel_id, message_id = str(payload["channel_id"]), str(payload["message_id"])
    reactions = reader.reactions(int(channel_id), int(message_id))
    return wire.ReactionChange(seq=seq, channel_id=channel_id, message_id=message_id, reactions=reactions)


def _channel(_reader: Reader, seq: int, payload: Mapping[str, Any]) -> wire.Event:
    return wire.ChannelUpdate(seq=seq, channel=msgspec.convert(payload, wire.Channel))


def _channel_gone(_reader: Reader, seq: int, payload: Mapping[str, Any]) -> wire.Event:
    return wire.ChannelDelete(seq=seq, id=str(payload["id"]))


def _member(reader: Reader, seq: int, payload: Mapping[str, Any]) -> wire.Event:
    user_id = int(payload.get("user", payload)["id"])
    return wire.MemberUpdate(seq=seq, user=reader.member(user_id))


def _member_gone(_reader: Reader, seq: int, payload: Mapping[str, Any]) -> wire.Event:
    return wire.MemberRemove(seq=seq, id=str(payload["user"]["id"]))


_TRANSLATIONS: dict[str, Callable[[Reader, int, Mapping[str, Any]], wire.Event | None]] = {
    "MESSAGE_CREATE": _created,
    "MESSAGE_UPDATE": _updated,
    "MESSAGE_DELETE": _deleted,
    "MESSAGE_DELETE_BULK": _deleted,
    EPHEMERAL_CREATE: _created,
    EPHEMERAL_UPDATE: _updated,
    EPHEMERAL_DELETE: _deleted,
    "TYPING_START": _typing,
    "MESSAGE_REACTION_ADD": _reacted,
    "MESSAGE_REACTION_REMOVE": _reacted,
    "MESSAGE_REACTION_REMOVE_ALL": _reacted,
    "MESSAGE_REACTION_REMOVE_EMOJI": _reacted,
    "CHANNEL_CREATE": _channel,
    "CHANNEL_UPDATE": _channel,
    "CHANNEL_DELETE": _channel_gone,
    "THREAD_CREATE": _channel,
    "THREAD_UPDATE": _channel,
    "THREAD_DELETE": _channel_gone,
    "GUILD_MEMBER_ADD": _member,
    "GUILD_MEMBER_UPDATE": _member,
    "GUILD_MEMBER_REMOVE": _member_gone,
    "USER_UPDATE": _member,
}
