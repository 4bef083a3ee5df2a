"""What is answered by whom, in which order: rounds of speakers, and bursts collected meanwhile."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from actors.channel.batches import Queue
from actors.channel.messages import MessageCreated
from actors.channel.silence import BURST, Dropped


@dataclass(frozen=True, slots=True)
class Start:
    """A turn that is to start now: who speaks, what it answers, whether somebody called for it."""

    speaker: UUID
    heard: tuple[MessageCreated, ...]
    direct: bool = True


@dataclass(slots=True)
class _Round:
    heard: MessageCreated
    speakers: deque[UUID]
    note: str | None
    chosen: set[UUID]
    direct: bool


class Agenda:
    """Rounds and queues of one channel; every change returns the turns to start.

    The speakers of a round go one after the other. A personality answers one batch at a time: while it
    speaks, consecutive messages of one author are collected into one batch, and other authors' messages
    make batches of their own; alternating authors are never merged. Rounds share nothing but
    personalities, so a slow one holds up only the rounds that need it.

    What called nobody directly settles first: its turn starts once its author has written nothing for
    `settle_s`. A direct call by the same author ends that wait; nobody else's message does, and nobody
    else waits for it.

    Args:
        settle_s: seconds; 0 starts every turn at once.
        clock: seconds.
    """

    def __init__(self, settle_s: float = 0.0, clock: Callable[[], float] = lambda: 0.0) -> None:
        self._settle_s = settle_s
        self._clock = clock
        self._queues: dict[UUID, Queue] = {}
        self._rounds: dict[int, _Round] = {}
        self._dropped: list[Dropped] = []

    def add(
        self,
        heard: MessageCreated,
        speakers: Sequence[UUID],
        note: str | None = None,
        *,
        direct: bool = True,
    ) -> list[Start]:
        """Open a round for a message; one that has a round already only brings its new speakers."""
        if (round_ := self._rounds.get(heard.message.id)) is not None:
            round_.speakers += [who for who in speakers if who not in round_.chosen]
            round_.chosen |= set(speakers)
            return []
        self._rounds[heard.message.id] = _Round(heard, deque(speakers), note, set(speakers), direct)
        return self._advance(heard.message.id)

    def settled(self) -> list[Start]:
        """Start what need not wait any more; see `due_in`."""
        return [start for who in tuple(self._queues) for start in self._start_next(who)]

    @property
    def due_in(self) -> float | None:
        """Seconds until something that settles may start; None if nothing does."""
        free = (queue for queue in self._queues.values() if not queue.speaking)
        due = min((batch.ready_at for queue in free for batch in queue.waiting), default=None)
        return None if due is None else max(0.0, due - self._clock())

    def new_turns(self, author_id: int, speakers: Iterable[UUID]) -> int:
        """Return how many turns a message would make: one that joins a waiting batch makes none."""
        queues = (self._queues.get(who) for who in speakers)
        return sum(queue is None or not queue.collects(author_id) for queue in queues)

    def take_dropped(self) -> list[Dropped]:
        """Return the turns dropped since the last call: none of them has begun."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def take_note(self, speaker: UUID) -> str | None:
        """Return what is to be shown below the turn that a personality begins now, once."""
        if (queue := self._queues.get(speaker)) is None:
            return None
        rounds = (self._rounds.get(heard.message.id) for heard in queue.speaking)
        notes = [round_.note for round_ in rounds if round_ and round_.note and not round_.speakers]
        if queue.given_up:
            many = "1 message" if queue.given_up == 1 else f"{queue.given_up} messages"
            notes.append(f"{many} went unanswered: {BURST}")
            queue.given_up = 0
        return " · ".join(notes) or None

    def ended(self, speaker: UUID) -> list[Start]:
        """Note that the current turn of a personality is over, whatever came of it."""
        queue = self._queues.get(speaker)
        if queue is None:
            return []
        answered, queue.speaking = queue.speaking, []
        starts = self._start_next(speaker)
        for heard in answered:
            starts += self._advance(heard.message.id)
        return starts

    def withdraw(self, speakers: Collection[UUID]) -> list[Start]:
        """Let nobody wait for these personalities any more; turns in flight end by `ended`."""
        given_up: list[MessageCreated] = []
        for who in self._queues.keys() & set(speakers):
            waiting = self._queues[who].clear()
            self._drop(((who, heard.message.id) for heard in waiting), "removed")
            given_up += waiting
        for round_ in self._rounds.values():
            leaving = [who for who in round_.speakers if who in speakers]
            self._drop(((who, round_.heard.message.id) for who in leaving), "removed")
            round_.speakers = deque(who for who in round_.speakers if who not in speakers)
        return [start for heard in given_up for start in self._advance(heard.message.id)]

    def forget(self, message_ids: Iterable[int]) -> None:
        """Drop deleted messages that nobody has begun to answer."""
        gone = set(message_ids)
        for speaker, queue in self._queues.items():
            forgotten = queue.forget(gone)
            self._drop(((speaker, heard.message.id) for heard in forgotten), "message deleted")
        spoken_to = {heard.message.id for queue in self._queues.values() for heard in queue.speaking}
        for message_id in gone - spoken_to:
            round_ = self._rounds.pop(message_id, None)
            self._drop(((who, message_id) for who in (round_.speakers if round_ else ())), "message deleted")

    def answering(self, speaker: UUID) -> int | None:
        """Return the first message that the personality is answering right now."""
        queue = self._queues.get(speaker)
        return queue.speaking[0].message.id if queue and queue.speaking else None

    def engaged_with(self, author_id: int) -> UUID | None:
        """Return who is answering an author right now, or is about to."""
        return next((speaker for speaker, queue in self._queues.items() if queue.is_of(author_id)), None)

    @property
    def is_idle(self) -> bool:
        """True when nothing is being answered and nothing waits."""
        return not self._rounds

    def _advance(self, message_id: int) -> list[Start]:
        """Give a round to its next speaker; without one the round is over."""
        round_ = self._rounds.get(message_id)
        while round_ is not None and round_.speakers:
            speaker = round_.speakers.popleft()
            queue = self._queues.setdefault(speaker, Queue())
            if queue.put(round_.heard, self._clock(), self._settle_s, direct=round_.direct):
                return self._start_next(speaker)
            self._drop([(speaker, message_id)], BURST)
        self._rounds.pop(message_id, None)
        return []

    def _drop(self, turns: Iterable[tuple[UUID, int]], reason: str) -> None:
        self._dropped += [Dropped(speaker, message_id, reason) for speaker, message_id in turns]

    def _start_next(self, speaker: UUID) -> list[Start]:
        queue = self._queues.get(speaker)
        if queue is None or queue.speaking:
            return []
        if (batch := queue.take_ready(self._clock())) is None:
            if not queue.waiting:
                del self._queues[speaker]
            return []
        queue.speaking = batch.heard
        return [Start(speaker, tuple(batch.heard), batch.direct)]
