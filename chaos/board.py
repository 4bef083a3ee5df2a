"""What can be seen in the channels: every message of a character, as it is now and as it was."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from chaos.plan import Event, Moment
from chaos.script import MARK


class Seen(msgspec.Struct):
    """A message of a character. `began` are the answers whose first words it has ever shown."""

    message_id: int
    channel_id: int
    author: str
    content: str = ""
    gone: bool = False
    began: set[str] = msgspec.field(default_factory=set[str])
    changed_at: list[float] = []

    @property
    def marks(self) -> list[tuple[str, str]]:
        """The marks of the sentences that stand in it."""
        return MARK.findall(self.content)


class Board:
    """Listens to a world. Times are monotonic.

    Attributes:
        messages: all of them, also those gone, by id.
        counts: how often something has happened.
    """

    def __init__(self) -> None:
        self.messages: dict[int, Seen] = {}
        self.counts: Counter[Event] = Counter()
        self._by_tag: defaultdict[tuple[str, str], dict[int, Seen]] = defaultdict(dict)
        self._waiting: list[tuple[Callable[[], bool], asyncio.Event]] = []

    def hear(self, event: str, payload: Mapping[str, Any]) -> None:
        """Take in what a world tells."""
        message_id = int(payload.get("id") or 0)
        if event in {"MESSAGE_CREATE", "MESSAGE_UPDATE"} and payload.get("webhook_id"):
            self._change(message_id, payload)
            self.note("posted" if event == "MESSAGE_CREATE" else "edited")
        elif event == "MESSAGE_DELETE" and message_id in self.messages:
            self.messages[message_id].gone = True

    def note(self, event: Event) -> None:
        """Count something that happened."""
        self.counts[event] += 1
        for is_over, happened in self._waiting:
            if is_over():
                happened.set()

    async def wait(self, moment: Moment) -> None:
        """Wait until something has happened so many times from now on."""
        wanted = self.counts[moment.event] + moment.count
        waiting = (lambda: self.counts[moment.event] >= wanted, asyncio.Event())
        self._waiting.append(waiting)
        try:
            await waiting[1].wait()
        finally:
            self._waiting.remove(waiting)

    def answer(self, author: str, tag: str) -> list[Seen]:
        """Return the messages in which an answer stands now, oldest first."""
        found = self._by_tag[author, tag]
        return [found[key] for key in sorted(found) if not found[key].gone and tag in found[key].content]

    def begun(self, author: str, tag: str) -> list[Seen]:
        """Return every message that has ever shown the first words of an answer."""
        return [seen for seen in self._by_tag[author, tag].values() if tag in seen.began]

    def _change(self, message_id: int, payload: Mapping[str, Any]) -> None:
        author = str(payload["author"]["username"])
        seen = self.messages.setdefault(message_id, Seen(message_id, int(payload["channel_id"]), author))
        seen.content = str(payload["content"])
        seen.changed_at.append(time.monotonic())
        for tag, place in seen.marks:
            self._by_tag[author, tag][message_id] = seen
            if place == "00":
                seen.began.add(tag)
