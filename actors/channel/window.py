"""The newest messages of a channel, kept up to date by events."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from storage.records import Message

EVICTED_SHARE = 4


class Window:
    """Messages by id, oldest first, bounded; the oldest quarter goes at once, so that prompts' heads stay."""

    def __init__(self, limit: int, messages: Iterable[Message] = ()) -> None:
        self._limit = limit
        self._messages: dict[int, Message] = {}
        for message in messages:
            self.put(message)

    def put(self, message: Message) -> None:
        """Add a message or replace the one with its id; an echo never replaces a character's words."""
        known = self._messages.get(message.id)
        if known is not None and known.personality_id is not None and message.personality_id is None:
            return
        newest = next(reversed(self._messages), 0)
        self._messages[message.id] = message
        if message.id < newest:
            self._messages = dict(sorted(self._messages.items()))
        if len(self._messages) > self._limit:
            self._evict()

    def edit(self, message_id: int, text: str, edited_at: datetime | None) -> None:
        """Change the text of a message, if it is still here."""
        if (known := self._messages.get(message_id)) is not None:
            self._messages[message_id] = replace(known, text=text, edited_at=edited_at)

    def delete(self, message_ids: Iterable[int]) -> None:
        """Forget messages."""
        for message_id in message_ids:
            self._messages.pop(message_id, None)

    def get(self, message_id: int) -> Message | None:
        """Return a message that is here."""
        return self._messages.get(message_id)

    @property
    def messages(self) -> tuple[Message, ...]:
        """All messages, oldest first."""
        return tuple(self._messages.values())

    def _evict(self) -> None:
        keep = self._limit - self._limit // EVICTED_SHARE
        newest = list(self._messages.values())[-keep:]
        self._messages = {message.id: message for message in newest}
