"""What passes through the mailboxes of a kind of actor: how much waits, how long, and what it takes."""

import time
from collections.abc import Callable, Sized

from actors.runtime.envelope import Envelope
from config import metrics

EACH = 7
"""One message in so many is timed: the counts of the histograms are a seventh of all messages. The numbers of
envelopes decide, so neither load nor slowness does; a prime, since the rhythms of traffic (a message and
its answer, a turn and its four steps) commonly have lengths that it does not divide."""


class Traffic:
    """Times a sample of the mail of a kind, and knows who holds unread mail without asking the idle.

    A message waits from the moment it is sent until its handler begins: also while its actor starts, rests
    after a crash, or has put it aside. What takes time is its handler, to the end of the coroutine; child
    tasks are not part of it. Both are told, since one shows a crowded loop and the other a slow handler.

    Attributes:
        holders: mailboxes and other keepers of mail that may have any; all others have none.
    """

    __slots__ = ("_clock", "_handling", "_wait", "holders")

    def __init__(self, kind: str, clock: Callable[[], float] = time.perf_counter) -> None:
        """Measure from now on; the depth of this kind is then asked of the newest that measures it.

        Args:
            kind: label of the metrics.
            clock: seconds; finer than the time of loops, which commonly moves by milliseconds.
        """
        self._clock = clock
        self._wait = metrics.mailbox_wait.labels(kind)
        self._handling = metrics.handling_time.labels(kind)
        self.holders: set[Sized] = set()
        metrics.mailbox_depth.labels(kind).set_function(self.unread)

    def unread(self) -> int:
        """Count the messages that wait; takes time for each actor that is busy, none for the idle."""
        return sum(map(len, tuple(self.holders)))

    def sent(self, envelope: Envelope) -> None:
        """Let an envelope's wait begin, unless it did before. Callable from any thread."""
        if not envelope.id % EACH and envelope.since is None:
            envelope.since = self._clock()

    def begun(self, envelope: Envelope) -> None:
        """The handler of a timed envelope begins."""
        now = self._clock()
        if envelope.since is not None:
            self._wait.observe(now - envelope.since)
        envelope.since = now

    def done(self, envelope: Envelope) -> None:
        """The handler of a timed envelope has come to its end, or failed."""
        if envelope.since is not None:
            self._handling.observe(self._clock() - envelope.since)
