"""A channel: keeps its transcript, decides who speaks, and sees that everyone gets their turn."""

import asyncio
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from typing_extensions import override

from actors.channel.addressing import find_addressed
from actors.channel.agenda import Agenda, Start
from actors.channel.book import Book
from actors.channel.messages import (
    MessageCreated,
    MessageEdited,
    MessagesDeleted,
    PersonalityChanged,
    RosterChanged,
    SpeakerLost,
    TurnOverdue,
    TurnsFound,
)
from actors.channel.patience import patiently
from actors.channel.ports import ChannelPorts
from actors.channel.window import Window
from actors.floor.selection import MAX_SPEAKERS, Choice, choose
from actors.personality.messages import Speak, TurnEnded, Unfinished, Withdraw, WithdrawReason
from actors.runtime.actor import AsyncioActor
from config.logs import get_logger
from storage.records import Personality

log = get_logger(__name__)


class ChannelActor(AsyncioActor):
    """One Discord channel, thread or direct conversation; storage can tell it everything again."""

    def __init__(self, channel_id: int, ports: ChannelPorts) -> None:
        super().__init__()
        self._channel_id = channel_id
        self._ports = ports
        self._window = Window(ports.window_messages)
        self._agenda = Agenda()
        self._book = Book(ports, self.spawn)
        self._found: dict[tuple[UUID, int], Unfinished] = {}
        self._roster: list[Personality] = []
        self._guests: dict[UUID, Personality] = {}
        self._overdue: dict[UUID, asyncio.Task[Any]] = {}

    @override
    async def on_start(self) -> None:  # type: ignore[override] # hooks may be coroutines on a loop
        self._roster = await self._read_roster()
        said = await patiently(
            lambda: self._ports.messages.window(self._channel_id, self._ports.window_messages)
        )
        for message in said:
            self._window.put(message)

    @override
    def on_quiet(self) -> None:
        self._window.pack()

    @override
    async def on_receive(self, message: Any) -> None:
        match message:
            case MessageCreated():
                await self._hear(message)
            case TurnsFound():
                self._take_up(message)
            case TurnEnded():
                self._turn_ended(message)
            case MessageEdited(message_id=message_id, text=text, edited_at=edited_at):
                self._window.edit(message_id, text, edited_at)
            case MessagesDeleted(message_ids=message_ids):
                self._window.delete(message_ids)
                self._agenda.forget(message_ids)
                self._book.dropped(self._agenda.take_dropped())
            case TurnOverdue(speaker_id=speaker_id, message_id=message_id):
                self._give_up(speaker_id, message_id)
            case SpeakerLost(speaker_id=speaker_id):
                self._speaker_lost(speaker_id)
            case RosterChanged():
                await self._reload_roster()
            case PersonalityChanged(personality_id=personality_id):
                await self._reload(personality_id)
            case _:
                super().on_receive(message)

    async def _hear(self, heard: MessageCreated) -> None:
        message = heard.message
        self._window.put(message)
        if message.author.is_bot or message.author.webhook_id is not None:
            return
        if not heard.to_answer:
            self._book.decided(heard, ())
            return
        addressed = await patiently(lambda: find_addressed(message, self._window, self._roster, self._ports))
        self._guests |= {person.id: person for person in addressed}
        choice = choose(
            message,
            [person.id for person in addressed],
            self._roster,
            self._window.messages,
            self._ports.draw,
            self._agenda.engaged_with(message.author.id),
        )
        log.debug("speakers_chosen", channel=self._channel_id, why=choice.why, count=len(choice.speakers))
        self._book.decided(heard, choice.speakers)
        self._start(self._agenda.add(heard, choice.speakers, self._note(choice)))

    def _take_up(self, event: TurnsFound) -> None:
        """Let turns of an earlier process go on, each as soon as its speaker is free."""
        for one in event.found:
            self._guests[one.speaker.id] = one.speaker
            self._found[one.speaker.id, event.message.id] = one
        heard = MessageCreated(message=event.message, seen_at=event.seen_at)
        self._start(self._agenda.add(heard, [one.speaker.id for one in event.found]))

    def _start(self, starts: Iterable[Start]) -> None:
        cast = self._cast()
        for start in starts:
            first, *more = start.heard
            found = self._found.pop((start.speaker, first.message.id), None)
            answering = found.answering if found else (first.message,)
            self._watch(start.speaker, first.message.id)
            self._ports.instruct(
                self._channel_id,
                start.speaker,
                Speak(
                    speaker=cast[start.speaker],
                    answering=(*answering, *(heard.message for heard in more)),
                    window=self._window.messages,
                    roster=tuple(self._roster),
                    note=start.note,
                    words=found.words if found else None,
                    resumed=found if found and found.is_begun else None,
                    seen_at=first.seen_at,
                    trace=first.trace,
                ),
            )
        self._book.dropped(self._agenda.take_dropped())
        if self._agenda.is_idle:
            self._guests.clear()
            self._found.clear()

    def _turn_ended(self, ended: TurnEnded) -> None:
        for message in ended.delivered:
            self._window.put(message)
        if self._agenda.answering(ended.speaker_id) == ended.message_id:
            self._go_on_after(ended.speaker_id)

    def _give_up(self, speaker_id: UUID, message_id: int) -> None:
        if self._agenda.answering(speaker_id) == message_id:
            log.warning("turn_overdue", channel=self._channel_id, personality=str(speaker_id))
            self._go_on_after(speaker_id)

    def _speaker_lost(self, speaker_id: UUID) -> None:
        if self._agenda.answering(speaker_id) is not None:
            self._go_on_after(speaker_id)

    def _go_on_after(self, speaker_id: UUID) -> None:
        if (timer := self._overdue.pop(speaker_id, None)) is not None:
            timer.cancel()
        self._start(self._agenda.ended(speaker_id))

    def _watch(self, speaker_id: UUID, message_id: int) -> None:
        self._overdue[speaker_id] = self.later(self._ports.deadline_s, TurnOverdue(speaker_id, message_id))

    async def _read_roster(self) -> list[Personality]:
        return await patiently(lambda: self._ports.rosters.of(self._channel_id))

    async def _reload_roster(self) -> None:
        """Read who is here; whoever has left stops speaking."""
        before, self._roster = self._roster, await self._read_roster()
        gone = {person.id for person in before} - {person.id for person in self._roster}
        for personality_id in gone:
            self._guests.pop(personality_id, None)
        self._withdraw(gone, "removed")

    async def _reload(self, personality_id: UUID) -> None:
        """Take over a changed definition; a deleted personality stops speaking."""
        if personality_id not in self._cast():
            return
        person = await patiently(lambda: self._ports.personalities.get(personality_id))
        if person is None:
            self._guests.pop(personality_id, None)
            self._withdraw({personality_id}, "deleted")
        elif personality_id in self._guests:
            self._guests[personality_id] = person
        await self._reload_roster()

    def _withdraw(self, gone: set[UUID], reason: WithdrawReason) -> None:
        for personality_id in gone:
            if self._agenda.answering(personality_id) is not None:
                self._ports.instruct(self._channel_id, personality_id, Withdraw(reason))
        self._start(self._agenda.withdraw(gone))

    def _cast(self) -> dict[UUID, Personality]:
        return self._guests | {person.id: person for person in self._roster}

    def _note(self, choice: Choice) -> str | None:
        """Say visibly who was called beyond the cap."""
        cast = self._cast()
        names = [cast[who].name for who in choice.left_out]
        return (
            f"no more than {MAX_SPEAKERS} answer at once: {', '.join(names)} kept silent" if names else None
        )
