"""A channel: keeps its transcript, decides who speaks, and sees that everyone gets their turn."""

import asyncio
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from typing_extensions import override

from actors.channel.addressing import find_addressed
from actors.channel.admission import TurnKey
from actors.channel.agenda import Agenda, Start
from actors.channel.book import Book
from actors.channel.mail import MAIL
from actors.channel.messages import (
    MessageCreated,
    MessageEdited,
    MessagesDeleted,
    PersonalityChanged,
    RosterChanged,
    SettleOver,
    SpeakerLost,
    TurnAdmitted,
    TurnOverdue,
    TurnsFound,
    TurnShed,
)
from actors.channel.patience import patiently
from actors.channel.ports import ChannelPorts
from actors.channel.rates import Refusal
from actors.channel.silence import Dropped
from actors.channel.window import Window
from actors.floor.selection import MAX_SPEAKERS, Choice, choose
from actors.personality.messages import Speak, TurnEnded, Unfinished, Withdraw, WithdrawReason
from actors.runtime.actor import AsyncioActor
from config.logs import get_logger
from storage.records import Personality

log = get_logger(__name__)


class ChannelActor(AsyncioActor):
    """One Discord channel, thread or direct conversation; storage can tell it everything again."""

    mailbox_spec = MAIL

    def __init__(self, channel_id: int, ports: ChannelPorts) -> None:
        super().__init__()
        self._channel_id = channel_id
        self._ports = ports
        self._window = Window(ports.window_messages)
        self._agenda = Agenda(ports.settle_s, asyncio.get_running_loop().time)
        self._book = Book(ports, self._cell.spawn)
        self._found: dict[tuple[UUID, int], Unfinished] = {}
        self._roster: list[Personality] = []
        self._guests: dict[UUID, Personality] = {}
        self._held: dict[UUID, Start] = {}
        self._overdue: dict[UUID, asyncio.Task[Any]] = {}
        self._settling: asyncio.Task[Any] | None = None

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
            case MessageEdited(message_id=message_id, text=text, edited_at=edited_at):
                self._window.edit(message_id, text, edited_at)
            case MessagesDeleted(message_ids=message_ids):
                self._window.delete(message_ids)
                self._agenda.forget(message_ids)
                self._book.dropped(self._agenda.take_dropped())
            case RosterChanged():
                await self._reload_roster()
            case PersonalityChanged(personality_id=personality_id):
                await self._reload(personality_id)
            case _:
                self._hear_of_turn(message)

    def _hear_of_turn(self, message: Any) -> None:
        match message:
            case TurnsFound():
                self._take_up(message)
            case SettleOver():
                self._start(self._agenda.settled())
            case TurnAdmitted(speaker_id=speaker_id, message_id=message_id):
                self._admitted(speaker_id, message_id)
            case TurnShed(speaker_id=speaker_id, message_id=message_id, reason=reason):
                self._shed(speaker_id, message_id, reason)
            case TurnEnded():
                self._turn_ended(message)
            case TurnOverdue(speaker_id=speaker_id, message_id=message_id):
                self._give_up(speaker_id, message_id)
            case SpeakerLost(speaker_id=speaker_id):
                self._speaker_lost(speaker_id)
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
        turns = self._agenda.new_turns(message.author.id, choice.speakers)
        if (refusal := self._ports.rates.admit(message, turns)) is not None:
            self._refuse(heard, choice, refusal)
            return
        self._book.decided(heard, choice.speakers)
        self._start(self._agenda.add(heard, choice.speakers, self._note(choice), direct=choice.is_direct))

    def _refuse(self, heard: MessageCreated, choice: Choice, refusal: Refusal) -> None:
        """Say why nobody speaks in the ledger, and to people if it is time to."""
        self._book.decided(heard, choice.speakers, refusal.reason)
        if refusal.words is not None:
            self.spawn(self._ports.remark(heard.message.venue, refusal.words))

    def _take_up(self, event: TurnsFound) -> None:
        """Let turns of an earlier process go on, each as soon as its speaker is free."""
        for one in event.found:
            self._guests[one.speaker.id] = one.speaker
            self._found[one.speaker.id, event.message.id] = one
        heard = MessageCreated(message=event.message, seen_at=event.seen_at)
        self._start(self._agenda.add(heard, [one.speaker.id for one in event.found]))

    def _start(self, starts: Iterable[Start]) -> None:
        for start in starts:
            self._watch(start.speaker, start.heard[0].message.id)
            if self._ports.admission.ask(self._key(start), direct=start.direct):
                self._begin(start)
            else:
                self._held[start.speaker] = start
        self._book.dropped(self._agenda.take_dropped())
        self._await_settled()
        if self._agenda.is_idle:
            self._guests.clear()
            self._found.clear()

    def _begin(self, start: Start) -> None:
        first, *more = start.heard
        found = self._found.pop((start.speaker, first.message.id), None)
        answering = found.answering if found else (first.message,)
        self._ports.instruct(
            self._channel_id,
            start.speaker,
            Speak(
                speaker=self._cast()[start.speaker],
                answering=(*answering, *(heard.message for heard in more)),
                window=self._window.messages,
                roster=tuple(self._roster),
                note=self._agenda.take_note(start.speaker),
                words=found.words if found else None,
                resumed=found if found and found.is_begun else None,
                seen_at=first.seen_at,
                trace=first.trace,
            ),
        )

    def _admitted(self, speaker_id: UUID, message_id: int) -> None:
        """Begin a turn that was held; one that is not wanted any more makes room for others."""
        start = self._held.get(speaker_id)
        if start is None or start.heard[0].message.id != message_id:
            self._ports.admission.leave(TurnKey(self._channel_id, speaker_id, message_id))
            return
        del self._held[speaker_id]
        self._begin(start)

    def _shed(self, speaker_id: UUID, message_id: int, reason: str) -> None:
        start = self._held.get(speaker_id)
        if start is not None and start.heard[0].message.id == message_id:
            self._give_back(start, reason)
            self._go_on_after(speaker_id)

    def _give_back(self, start: Start, reason: str) -> None:
        """Take back a turn that was held."""
        del self._held[start.speaker]
        self._ports.admission.leave(self._key(start))
        self._book.dropped(Dropped(start.speaker, heard.message.id, reason) for heard in start.heard)

    def _key(self, start: Start) -> TurnKey:
        return TurnKey(self._channel_id, start.speaker, start.heard[0].message.id)

    def _await_settled(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        due_in = self._agenda.due_in
        self._settling = None if due_in is None else self.later(due_in, SettleOver())

    def _turn_ended(self, ended: TurnEnded) -> None:
        for message in ended.delivered:
            self._window.put(message)
        if self._agenda.answering(ended.speaker_id) == ended.message_id:
            self._go_on_after(ended.speaker_id)

    def _give_up(self, speaker_id: UUID, message_id: int) -> None:
        if self._agenda.answering(speaker_id) != message_id:
            return
        if speaker_id in self._held:
            self._watch(speaker_id, message_id)
        else:
            log.warning("turn_overdue", channel=self._channel_id, personality=str(speaker_id))
            self._ports.admission.leave(TurnKey(self._channel_id, speaker_id, message_id))
            self._go_on_after(speaker_id)

    def _speaker_lost(self, speaker_id: UUID) -> None:
        """Go on without a turn that had begun; one that is held is not lost."""
        if speaker_id not in self._held and self._agenda.answering(speaker_id) is not None:
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
        starts = self._agenda.withdraw(gone)
        for personality_id in gone:
            if (held := self._held.get(personality_id)) is not None:
                self._give_back(held, "removed")
                starts += self._agenda.ended(personality_id)
            elif self._agenda.answering(personality_id) is not None:
                self._ports.instruct(self._channel_id, personality_id, Withdraw(reason))
        self._start(starts)

    def _cast(self) -> dict[UUID, Personality]:
        return self._guests | {person.id: person for person in self._roster}

    def _note(self, choice: Choice) -> str | None:
        """Say visibly who was called beyond the cap."""
        cast = self._cast()
        names = [cast[who].name for who in choice.left_out]
        return (
            f"no more than {MAX_SPEAKERS} answer at once: {', '.join(names)} kept silent" if names else None
        )
