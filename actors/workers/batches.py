"""Fewer, larger frames: text is collected for a moment, but nobody waits for a beginning or an end."""

import asyncio
from collections.abc import Callable

from actors.models.chat import ChatEvent, Delta
from actors.workers.frames import Chunks, End, Failed, Frame, size_of

PERIOD_S = 0.04
"""How long text may wait for company; a tenth of what a reader of edits could notice."""

OPENING = 64
"""Characters of each stream that go out at once: the first visible phrase is made of them."""


class Batches:
    """Collects the events of all streams of a worker and hands frames to `send`."""

    def __init__(self, send: Callable[[Frame], None]) -> None:
        self._send = send
        self._pending: dict[int, list[ChatEvent]] = {}
        self._sent: dict[int, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def put(self, stream: int, event: ChatEvent) -> None:
        """Take an event; it leaves at once in a stream's opening, else within `PERIOD_S`."""
        waiting = self._pending.setdefault(stream, [])
        if not (waiting and _join(waiting, event)):
            waiting.append(event)
        sent = self._sent.get(stream, 0)
        self._sent[stream] = sent + size_of(event)
        if sent < OPENING:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD_S, self.flush)

    def end(self, frame: End | Failed) -> None:
        """Send what waits, and the end of a stream, at once."""
        self.flush()
        self._sent.pop(frame.stream, None)
        self._send(frame)

    def drop(self, stream: int) -> None:
        """Forget a stream that nobody reads any more."""
        self._pending.pop(stream, None)
        self._sent.pop(stream, None)

    def flush(self) -> None:
        """Send all that waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
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
