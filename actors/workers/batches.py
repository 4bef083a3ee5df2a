"""Fewer, larger frames: what all streams bring in one pass of the loop leaves together."""

import asyncio
from collections.abc import Callable

from actors.models.chat import ChatEvent, Delta
from actors.workers.frames import Chunks, End, Failed, Frame


class Batches:
    """Collects the events of all streams of a worker and hands frames to `send`."""

    def __init__(self, send: Callable[[Frame], None]) -> None:
        self._send = send
        self._pending: dict[int, list[ChatEvent]] = {}

    def put(self, stream: int, event: ChatEvent) -> None:
        """Take an event; it leaves when all that is ready to run now has run."""
        if not self._pending:
            asyncio.get_running_loop().call_soon(self.flush)
        waiting = self._pending.setdefault(stream, [])
        if not (waiting and _join(waiting, event)):
            waiting.append(event)

    def end(self, frame: End | Failed) -> None:
        """Send what waits, and the end of a stream, at once."""
        self.flush()
        self._send(frame)

    def drop(self, stream: int) -> None:
        """Forget a stream that nobody reads any more."""
        self._pending.pop(stream, None)

    def flush(self) -> None:
        """Send all that waits."""
        if self._pending:
            pending, self._pending = self._pending, {}
            self._send(Chunks(tuple((stream, tuple(events)) for stream, events in pending.items())))


def _join(waiting: list[ChatEvent], event: ChatEvent) -> bool:
    """Lengthen the last waiting delta by one of the same sort; False where that cannot be."""
    last = waiting[-1]
    if not isinstance(last, Delta) or not isinstance(event, Delta):
        return False
    if bool(last.text) != bool(event.text) or bool(last.reasoning) != bool(event.reasoning):
        return False
    waiting[-1] = Delta(last.text + event.text, last.reasoning + event.reasoning)
    return True
