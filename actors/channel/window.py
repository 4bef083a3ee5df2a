"""The newest messages of a channel, kept up to date by events."""

import zlib
from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from storage.records import Message

EVICTED_SHARE = 4

COMPRESSION = 1
"""The quickest level of zlib; the others save little more on texts as short as these."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Message, ...])


class Window:
    """Messages by id, oldest first, bounded; the oldest quarter goes at once, so that prompts' heads stay.

    A packed window is the same to its users. It takes a third of the memory, and the first look at it
    unpacks it in a tenth of a millisecond.
    """

    def __init__(self, limit: int, messages: Iterable[Message] = ()) -> None:
        self._limit = limit
        self._unpacked: dict[int, Message] = {}
        self._packed: bytes | None = None
        for message in messages:
            self.put(message)

    def put(self, message: Message) -> None:
        """Add a message or replace the one with its id; an echo never replaces a character's words."""
        messages = self._open()
        known = messages.get(message.id)
        if known is not None and known.personality_id is not None and message.personality_id is None:
            return
        newest = next(reversed(messages), 0)
        messages[message.id] = message
        if message.id < newest:
            self._unpacked = dict(sorted(messages.items()))
        if len(messages) > self._limit:
            self._evict()

    def edit(self, message_id: int, text: str, edited_at: datetime | None) -> None:
        """Change the text of a message, if it is still here."""
        messages = self._open()
        if (known := messages.get(message_id)) is not None:
            messages[message_id] = replace(known, text=text, edited_at=edited_at)

    def delete(self, message_ids: Iterable[int]) -> None:
        """Forget messages."""
        messages = self._open()
        for message_id in message_ids:
            messages.pop(message_id, None)

    def get(self, message_id: int) -> Message | None:
        """Return a message that is here."""
        return self._open().get(message_id)

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages, oldest first."""
        return tuple(self._open().values())

    @property
    def is_packed(self) -> bool:
        """True from `pack` until somebody looks."""
        return self._packed is not None

    def pack(self) -> None:
        """Take less memory until somebody looks."""
        if self._packed is None:
            self._packed = zlib.compress(_encoder.encode(self.messages), COMPRESSION)
            self._unpacked = {}

    def _open(self) -> dict[int, Message]:
        if self._packed is not None:
            messages = _decoder.decode(zlib.decompress(self._packed))
            self._unpacked = {message.id: message for message in messages}
            self._packed = None
        return self._unpacked

    def _evict(self) -> None:
        keep = self._limit - self._limit // EVICTED_SHARE
        newest = list(self._unpacked.values())[-keep:]
        self._unpacked = {message.id: message for message in newest}
