"""Everybody: the channels of this process and the personalities that speak in them, addressed by key."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from heapq import nsmallest
from typing import NamedTuple
from uuid import UUID

from actors.channel.actor import ChannelActor
from actors.channel.admission import Admission, AdmissionPolicy, TurnKey, Verdict
from actors.channel.apologies import Apologies
from actors.channel.late_recovery import LateRecovery
from actors.channel.messages import ChannelEvent, PersonalityChanged, RosterChanged, SpeakerLost
from actors.channel.ports import ChannelPorts
from actors.channel.rates import Rate, TurnRates
from actors.channel.recovery import Recovery
from actors.channel.undertaker import Undertaker
from actors.models.chat import ChatModel
from actors.personality.actor import PersonalityActor
from actors.personality.messages import Speak, TurnEnded, Withdraw
from actors.personality.notices import reference
from actors.personality.ports import Ports, Voice
from actors.personality.turn import DELIVERY_DEADLINE_S
from actors.reply.outlet import Outlet
from actors.runtime import AsyncioRef, CrashLoops, CrashPolicy, Directory
from actors.runtime.errors import ActorError, ActorGoneError, CrashLoopError
from config.logs import get_logger
from config.settings import Settings
from storage.records import Message, Personality, Turn, turn_id
from storage.stores import Stores
from supervision.tree import Node, span

log = get_logger(__name__)

OVERDUE_AFTER_S = 30.0
"""Beyond the deadlines of generation and delivery, a turn that has not ended is given up."""

PATIENCE_S = 1.0
"""A round goes on without a speaker that may start again only after more seconds than these."""

_draw = random.SystemRandom().random

MOST_SHOWN = 50
"""Channels in the tree."""

Seat = tuple[int, UUID]
"""A personality in a channel."""


class _Speaking(NamedTuple):
    """Since when somebody speaks, in seconds of the loop, and which turn."""

    began: float
    turn_id: UUID


class Company:
    """Starts channels and personalities when they are spoken to and puts them to rest when nobody does.

    Args:
        stores: everything kept.
        model: answers requests.
        voice: which model that is at the moment.
        outlet: where characters become visible.
        settings: deadline of a turn, size of the window, the bounds under load, and how many channels, and
            as many personalities, are live at once; beyond it the least recently used one rests.
        idle_s: seconds without a message after which an actor is put to rest.

    Attributes:
        rates: bounds the turns that a person and a server may cause.
    """

    def __init__(
        self,
        stores: Stores,
        model: ChatModel,
        voice: Voice,
        outlet: Outlet,
        settings: Settings,
        *,
        idle_s: float = 900.0,
    ) -> None:
        self._turn = _turn_ports(stores, model, voice, outlet, settings)
        self.rates = _rates(settings)
        self._remark = outlet.remark
        self.admission = Admission(_policy(settings), self._verdict)
        self._channel = self._channel_ports(stores, settings)
        self._speaking: dict[Seat, _Speaking] = {}
        self._names: dict[UUID, str] = {}
        self._fell_silent = asyncio.Event()
        apologies = Apologies(stores, outlet)
        self._undertaker = Undertaker(stores, apologies)
        self._recovery = Recovery(stores, self.tell, settings.backfill_max_age_s)
        self._late = LateRecovery(stores, self._recovery, self._is_taken, apologies.say, _now)
        self.channels = self._all_channels(idle_s, settings.live_channels)
        self.personalities = self._all_personalities(idle_s, settings.live_channels)

    def _all_channels(self, idle_s: float, capacity: int) -> Directory[int, ChannelActor]:
        return Directory(
            self._open,
            kind="channel",
            idle_s=idle_s,
            capacity=capacity,
            on_crash=self._channel_crashed,
            on_poison=self._undertaker.bury_event,
            crashes=CrashLoops(CrashPolicy(start_s=None)),  # starts wait for a storage that is away
        )

    def _all_personalities(self, idle_s: float, capacity: int) -> Directory[Seat, PersonalityActor]:
        return Directory(
            self._seat,
            kind="personality",
            idle_s=idle_s,
            capacity=capacity,
            on_crash=self._crashed,
            on_poison=self._undertaker.bury_order,
        )

    def _channel_ports(self, stores: Stores, settings: Settings) -> ChannelPorts:
        return ChannelPorts(
            messages=stores.messages,
            rosters=stores.rosters,
            personalities=stores.personalities,
            deliveries=stores.deliveries,
            turns=stores.turns,
            instruct=self._instruct,
            remark=self._remark,
            admission=self.admission,
            rates=self.rates,
            window_messages=settings.window_messages,
            settle_s=settings.settle_s,
            deadline_s=settings.turn_deadline_s + DELIVERY_DEADLINE_S + OVERDUE_AFTER_S,
            draw=_draw,
            now=_now,
        )

    def tell(self, channel_id: int, event: ChannelEvent) -> None:
        """Let a channel hear of something.

        Raises:
            OverloadedError: the channel is flooded, or too much waits for its next start.
            ActorGoneError: everybody leaves.
        """
        self.channels.tell(channel_id, event)

    async def recover(self) -> None:
        """Go on with what an earlier process left; once, before the first event.

        Raises:
            StorageUnavailableError: the database is away.
        """
        await self._recovery.run(_now())

    async def watch(self) -> None:
        """Go on, for ever, with what nobody is at any more."""
        await self._late.run()

    def snapshot(self) -> Node:
        """Return the live channels, those with the most speakers first, with the personalities in them."""
        shown = self._busiest()
        seats: dict[int, list[Seat]] = {channel_id: [] for channel_id in shown}
        for seat in self.personalities:
            if seat[0] in seats:
                seats[seat[0]].append(seat)
        return Node(
            name="channels",
            kind="supervisor",
            state="running",
            work=f"{len(self.channels)} live, {self.turns_in_flight} speak, {self.admission.waiting} wait",
            children=[self._channel_node(channel_id, seats[channel_id]) for channel_id in shown],
            hidden=len(self.channels) - len(shown),
        )

    def _busiest(self) -> list[int]:
        """Return the channels to show; of a hundred thousand only those are looked at more closely."""
        speakers = Counter(channel_id for channel_id, _ in self._speaking if channel_id in self.channels)
        busy = sorted(speakers, key=lambda channel_id: (-speakers[channel_id], str(channel_id)))
        others = nsmallest(MOST_SHOWN, self.channels, key=str)
        return list(dict.fromkeys([*busy, *others]))[:MOST_SHOWN]

    def _channel_node(self, channel_id: int, seats: list[Seat]) -> Node:
        node = self.channels.node(channel_id, f"channel {channel_id}")
        if seats:
            node.kind = "supervisor"
            node.children = [self._seat_node(seat) for seat in seats]
        return node

    def _seat_node(self, seat: Seat) -> Node:
        node = self.personalities.node(seat, self._names.get(seat[1], f"personality {seat[1]}"))
        if (at := self._speaking.get(seat)) is not None:
            since = span(asyncio.get_running_loop().time() - at.began)
            node.work = f"speaks for {since}, turn {reference(at.turn_id)}"
        return node

    def _note_speaking(self, seat: Seat, order: Speak) -> None:
        self._names[seat[1]] = order.speaker.name
        which = turn_id(order.answering[0].id, seat[1])
        self._speaking[seat] = _Speaking(asyncio.get_running_loop().time(), which)

    def roster_changed(self, channel_id: int) -> None:
        """Say that somebody came into a channel or left it."""
        if channel_id in self.channels:
            self.channels.tell(channel_id, RosterChanged())

    def personality_changed(self, personality_id: UUID) -> None:
        """Say everywhere that a definition was edited, deleted or restored."""
        for channel_id, _ in self.channels.refs():
            self.channels.tell(channel_id, PersonalityChanged(personality_id))

    def greet(self, person: Personality, cause: Message) -> None:
        """Let a character say its first message where `cause` brought it in."""
        if person.first_message:
            order = Speak(
                speaker=person,
                answering=(cause,),
                words=person.first_message,
                seen_at=cause.created_at.timestamp(),
            )
            self._instruct(cause.venue.channel_id, person.id, order)

    @property
    def turns_in_flight(self) -> int:
        """How many personalities are speaking."""
        return len(self._speaking)

    async def stop(self, finish_s: float = 10.0, budget_s: float = 5.0) -> None:
        """Let turns in flight end, then stop everybody; what has not ended stays in the ledger.

        Args:
            finish_s: seconds that turns have to end by themselves; 0 leaves them all for the recovery.
            budget_s: seconds that actors have to stop.
        """
        self.admission.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(finish_s):
                while self._speaking:
                    self._fell_silent.clear()
                    await self._fell_silent.wait()
        log.info("company_stops", turns_left=self.turns_in_flight)
        await self.personalities.stop(budget_s)
        await self.channels.stop(budget_s)
        await self._undertaker.done()

    def _open(self, channel_id: int) -> AsyncioRef[ChannelActor]:
        return ChannelActor.start(channel_id, self._channel)

    def _seat(self, seat: Seat) -> AsyncioRef[PersonalityActor]:
        return PersonalityActor.start(self._turn, partial(self._report, seat[0]))

    def _instruct(self, channel_id: int, personality_id: UUID, order: Speak | Withdraw) -> None:
        """A speaker that is called while everybody leaves stays silent."""
        with suppress(ActorGoneError):
            self.personalities.tell((channel_id, personality_id), order)
            if isinstance(order, Speak):
                self._note_speaking((channel_id, personality_id), order)
                self._give_up_if_resting((channel_id, personality_id))

    def _give_up_if_resting(self, seat: Seat) -> None:
        """Let the round go on without a speaker that fails again and again; it speaks later if it can."""
        if self.personalities.delay(seat) > PATIENCE_S:
            self._crashed(seat, CrashLoopError())

    def _report(self, channel_id: int, ended: TurnEnded) -> None:
        self._silent((channel_id, ended.speaker_id))
        self.admission.leave(TurnKey(channel_id, ended.speaker_id, ended.message_id))
        with suppress(ActorGoneError):
            self.channels.tell(channel_id, ended)

    def _verdict(self, channel_id: int, verdict: Verdict) -> None:
        """A channel that cannot be told begins nothing; its turns stay in the ledger."""
        try:
            self.channels.tell(channel_id, verdict)
        except ActorError:
            self.admission.leave(TurnKey(channel_id, verdict.speaker_id, verdict.message_id))

    def _channel_crashed(self, channel_id: int, _error: BaseException) -> None:
        self.admission.lost(channel_id)
        self._late.crashed(channel_id)

    def _is_taken(self, turn: Turn) -> bool:
        key = TurnKey(turn.venue.channel_id, turn.personality_id, turn.message_id)
        return (key.channel_id, key.speaker_id) in self._speaking or self.admission.is_waiting(key)

    def _crashed(self, seat: Seat, _error: BaseException) -> None:
        self._silent(seat)
        self.admission.lost(*seat)
        with suppress(ActorGoneError):
            self.channels.tell(seat[0], SpeakerLost(seat[1]))

    def _silent(self, seat: Seat) -> None:
        self._speaking.pop(seat, None)
        self._fell_silent.set()


def _turn_ports(stores: Stores, model: ChatModel, voice: Voice, outlet: Outlet, settings: Settings) -> Ports:
    return Ports(
        turns=stores.turns,
        transcript=stores.messages,
        model=model,
        voice=voice,
        outlet=outlet,
        deadline_s=settings.turn_deadline_s,
        now=_now,
        jitter=_draw,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _policy(settings: Settings) -> AdmissionPolicy:
    return AdmissionPolicy(
        at_once=settings.turns_at_once, waiting=settings.turns_waiting, wait_s=settings.chatter_wait_s
    )


def _rates(settings: Settings) -> TurnRates:
    return TurnRates(
        user=Rate(settings.user_turns_per_min, settings.user_burst),
        guild=Rate(settings.guild_turns_per_min, settings.guild_burst),
        is_exempt=lambda user_id: user_id == settings.owner_id,
    )
