"""What is answered by whom, in which order: rounds of speakers, and bursts collected meanwhile."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from actors.channel.messages import MessageCreated
from config import metrics

MAX_WAITING = 8
"""Turns that may wait for one personality; a further message is given up, counted and noted."""
MAX_BURST = 20
"""Messages that one turn may answer."""


@dataclass(frozen=True, slots=True)
class Start:
    """A turn that is to start now: who speaks, what it answers, a note to show below the answer."""

    speaker: UUID
    heard: tuple[MessageCreated, ...]
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """A turn that was accepted and will not be spoken."""

    speaker: UUID
    message_id: int
    reason: str


@dataclass(slots=True)
class _Queue:
    speaking: list[MessageCreated] = field(default_factory=list[MessageCreated])
    waiting: deque[list[MessageCreated]] = field(default_factory=deque[list[MessageCreated]])
    given_up: int = 0


@dataclass(slots=True)
class _Round:
    heard: MessageCreated
    speakers: deque[UUID]
    note: str | None
    chosen: set[UUID]


class Agenda:
    """Rounds and queues of one channel; every change returns the turns to start.

    The speakers of a round go one after the other. A personality answers one batch at a time: while it
    speaks, consecutive messages of one author are collected into one batch, and other authors' messages
    make batches of their own; alternating authors are never merged. Rounds share nothing but
    personalities, so a slow one holds up only the rounds that need it.
    """

    def __init__(self) -> None:
        self._queues: dict[UUID, _Queue] = {}
        self._rounds: dict[int, _Round] = {}
        self._dropped: list[Dropped] = []

    def add(self, heard: MessageCreated, speakers: Sequence[UUID], note: str | None = None) -> list[Start]:
        """Open a round for a message; one that has a round already only brings its new speakers."""
        if (round_ := self._rounds.get(heard.message.id)) is not None:
            round_.speakers += [who for who in speakers if who not in round_.chosen]
            round_.chosen |= set(speakers)
            return []
        self._rounds[heard.message.id] = _Round(heard, deque(speakers), note, set(speakers))
        return self._advance(heard.message.id)

    def take_dropped(self) -> list[Dropped]:
        """Return the turns dropped since the last call: none of them has begun."""
        dropped, self._dropped = self._dropped, []
        return dropped

    def ended(self, speaker: UUID) -> list[Start]:
        """Note that the current turn of a personality is over, whatever came of it."""
        queue = self._queues.get(speaker)
        if queue is None:
            return []
        answered, queue.speaking = queue.speaking, []
        starts = self._start_next(speaker, queue)
        for heard in answered:
            starts += self._advance(heard.message.id)
        return starts

    def withdraw(self, speakers: Collection[UUID]) -> list[Start]:
        """Let nobody wait for these personalities any more; turns in flight end by `ended`."""
        given_up: list[MessageCreated] = []
        for who in self._queues.keys() & set(speakers):
            waiting = [heard for batch in self._queues[who].waiting for heard in batch]
            self._drop(((who, heard.message.id) for heard in waiting), "removed")
            self._queues[who].waiting.clear()
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
            waiting = {heard.message.id for batch in queue.waiting for heard in batch}
            self._drop(((speaker, message_id) for message_id in waiting & gone), "message deleted")
            batches = ([heard for heard in batch if heard.message.id not in gone] for batch in queue.waiting)
            queue.waiting = deque(batch for batch in batches if batch)
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
        for speaker, queue in self._queues.items():
            heard = [*queue.speaking, *(one for batch in queue.waiting for one in batch)]
            if any(_author(one) == author_id for one in heard):
                return speaker
        return None

    @property
    def is_idle(self) -> bool:
        """True when nothing is being answered and nothing waits."""
        return not self._rounds

    def _advance(self, message_id: int) -> list[Start]:
        """Give a round to its next speaker; without one the round is over."""
        round_ = self._rounds.get(message_id)
        while round_ is not None and round_.speakers:
            speaker = round_.speakers.popleft()
            queue = self._queues.setdefault(speaker, _Queue())
            if _enqueue(queue, round_.heard):
                return self._start_next(speaker, queue)
            self._drop([(speaker, message_id)], "too much at once")
        self._rounds.pop(message_id, None)
        return []

    def _drop(self, turns: Iterable[tuple[UUID, int]], reason: str) -> None:
        self._dropped += [Dropped(speaker, message_id, reason) for speaker, message_id in turns]

    def _start_next(self, speaker: UUID, queue: _Queue) -> list[Start]:
        if queue.speaking:
            return []
        if not queue.waiting:
            self._queues.pop(speaker, None)
            return []
        queue.speaking = queue.waiting.popleft()
        return [Start(speaker, tuple(queue.speaking), self._note(queue))]

    def _note(self, queue: _Queue) -> str | None:
        rounds = (self._rounds.get(heard.message.id) for heard in queue.speaking)
        notes = [round_.note for round_ in rounds if round_ and round_.note and not round_.speakers]
        if queue.given_up:
            many = "1 message" if queue.given_up == 1 else f"{queue.given_up} messages"
            notes.append(f"{many} went unanswered: too much at once")
            queue.given_up = 0
        return " · ".join(notes) or None


def _enqueue(queue: _Queue, heard: MessageCreated) -> bool:
    """Put a message into the queue; False if there is no room."""
    last = queue.waiting[-1] if queue.waiting else None
    if last is not None and _author(last[-1]) == _author(heard) and len(last) < MAX_BURST:
        last.append(heard)
    elif len(queue.waiting) < MAX_WAITING:
        queue.waiting.append([heard])
    else:
        queue.given_up += 1
        metrics.shed.labels("burst").inc()
        return False
    return True


def _author(heard: MessageCreated) -> int:
    return heard.message.author.id
