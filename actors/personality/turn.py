"""One turn, from plan to delivered words: exactly one visible outcome, or a silence with its reason."""

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import get_args

from actors.context.plan import make_plan
from actors.models.errors import ModelError
from actors.personality import notices
from actors.personality.generation import Generation
from actors.personality.messages import Speak, TurnEnded, Unfinished, WithdrawReason
from actors.personality.ports import Ports
from actors.personality.record import NotRecordedError, TurnRecord
from actors.reply.chunks import with_footer
from actors.reply.outlet import Delivery, DeliveryError, Posted, VenueGoneError
from config import metrics, telemetry
from config.errors import TroupeError
from config.logs import get_logger
from storage.errors import StorageError
from storage.records import Author, Message, Turn, TurnState, turn_id

log = get_logger(__name__)

DELIVERY_DEADLINE_S = 120.0
SNOWFLAKE_EPOCH_MS = 1_420_070_400_000
SMALL_PRINT = re.compile(r"\n?^-# [^\n]*\Z", re.MULTILINE)
DELETED = "message deleted"
NOT_RECORDED = "not recorded"
"""The storage was away for too long: nothing may be seen, and the turn is left for a later recovery."""
NO_USER = 0
"""Stands for the author of a character's words: `personality_id` says who it was."""


class WithdrawnError(TroupeError):
    """The speaker was taken away in mid-turn; the message is the reason."""


class BegunBeforeError(TroupeError):
    """The turn is known already."""


class TurnRun:
    """Runs one turn. Cancelling `run` leaves the ledger as it is, for a later recovery."""

    def __init__(self, order: Speak, ports: Ports) -> None:
        self._order = order
        self._ports = ports
        self._turn = order.resumed.turn if order.resumed else _planned(order, ports.now(), ports.deadline_s)
        self._record = TurnRecord(self._turn, ports.turns)
        self._withdrawn: str | None = order.resumed.closing if order.resumed else None
        self._generating: asyncio.Task[str] | None = None
        self._opening: asyncio.Task[Delivery] | None = None
        self._beside: list[asyncio.Task[None]] = []
        self._first_text = asyncio.Event()
        self._shown = ""

    def withdraw(self, reason: str) -> None:
        """End the turn early; words already shown stay."""
        self._withdrawn = self._withdrawn or reason
        if self._generating is not None:
            self._generating.cancel()

    async def run(self) -> TurnEnded:
        """Do the turn and return how it ended. Only cancellation is raised."""
        with (
            telemetry.span(
                "turn",
                self._order.trace or None,
                turn__id=str(self._turn.id),
                channel__id=self._turn.venue.channel_id,
            ),
            metrics.turns_in_flight.track_inprogress(),
        ):
            ended = await self._run()
            await self._record.settle()
        metrics.turns.labels(ended.state).inc()
        metrics.turn_duration.observe(self._age())
        log.info("turn_ended", turn=str(self._turn.id), state=ended.state, reason=ended.reason)
        return ended

    async def _run(self) -> TurnEnded:
        if self._order.resumed is not None and (finals := _finals(self._order.resumed)):
            return await self._close(self._order.resumed, finals)
        opening = self._opening = asyncio.create_task(self._resume() if self._order.resumed else self._open())
        try:
            return await self._perform(opening)
        except asyncio.CancelledError:
            await self._abandon(opening)
            raise
        except BegunBeforeError:
            return self._outcome("silent", "known already")
        except VenueGoneError:
            return self._ended("silent", "venue gone")
        except (DeliveryError, NotRecordedError, StorageError, TimeoutError) as error:
            log.warning("turn_not_delivered", turn=str(self._turn.id), error=type(error).__name__)
            await self._abandon(opening)
            if _is_unrecorded(opening):
                return self._outcome(self._record.state, NOT_RECORDED)
            return self._failed("not delivered", error)
        finally:
            await _cancel(self._beside)

    async def _open(self) -> Delivery:
        """Begin the delivery once the turn is in the ledger; the model is asked meanwhile."""
        if not await self._record.begin(self._ports.deadline_s):
            self.withdraw("known already")
            raise BegunBeforeError
        delivery = self._ports.outlet.open(self._turn, self._order.speaker)
        if self._shown:
            delivery.show(self._shown)
        return delivery

    async def _resume(self) -> Delivery:
        resumed = self._order.resumed
        chunks = resumed.chunks if resumed else ()
        async with asyncio.timeout(DELIVERY_DEADLINE_S):
            delivery, self._shown = await self._ports.outlet.resume(self._turn, self._order.speaker, chunks)
        return delivery

    async def _abandon(self, opening: asyncio.Task[Delivery]) -> None:
        opening.cancel()
        await asyncio.wait({opening})
        if not opening.cancelled() and opening.exception() is None:
            await opening.result().abandon()

    async def _perform(self, opening: asyncio.Task[Delivery]) -> TurnEnded:
        if self._order.resumed is not None:
            await opening
            if self._withdrawn is not None:
                self._attempt(1)
        if self._order.words is not None:
            delivery = await opening
            self._attempt(1)
            return await self._finish(delivery, self._order.words, self._order.note, None)
        try:
            text = await self._generate(self._generation())
        except WithdrawnError as gone:
            return await self._leave(await opening, gone.message)
        except ModelError as error:
            log.warning("model_failed", turn=str(self._turn.id), error=type(error).__name__)
            return await self._apologise(await opening, error)
        except Exception as error:
            log.exception("turn_crashed", turn=str(self._turn.id))
            return await self._apologise(await opening, TroupeError(type(error).__name__).caused_by(error))
        return await self._finish(await opening, text, self._order.note, None)

    def _generation(self) -> Generation:
        order, ports = self._order, self._ports
        plan = make_plan(order.speaker, order.roster, order.window, order.answering, ports.now())
        if order.resumed is not None:
            left = (self._turn.deadline - ports.now()).total_seconds()
            ports = replace(ports, deadline_s=min(ports.deadline_s, left))
        return Generation(str(self._turn.id), plan, ports, self._show, self._attempt, self._shown)

    async def _generate(self, generation: Generation) -> str:
        if self._withdrawn is not None:
            raise WithdrawnError(self._withdrawn)
        self._generating = asyncio.create_task(generation.run())
        self._beside = [asyncio.create_task(work) for work in (self._type(), self._prepare())]
        try:
            return await self._generating
        except asyncio.CancelledError:
            if (reason := self._taken_away()) is None:
                raise
            raise WithdrawnError(reason) from None

    def _taken_away(self) -> str | None:
        """Return why the generation alone was cancelled; None if the whole turn is being stopped."""
        task = asyncio.current_task()
        return None if task is not None and task.cancelling() else self._withdrawn

    async def _type(self) -> None:
        """Show typing until there are new words and they are seen."""
        async with self._ports.outlet.typing(self._turn.venue):
            await self._first_text.wait()
            if self._opening is not None:
                delivery = await asyncio.shield(self._opening)
                await delivery.visible()

    async def _prepare(self) -> None:
        await self._ports.outlet.prepare(self._turn.venue, self._turn.personality_id)

    def _attempt(self, number: int) -> None:
        before = self._turn.attempt if self._order.resumed else 0
        self._record.note("generating", attempt=before + number)

    def _show(self, text: str) -> None:
        self._record.note("delivering")
        if not self._first_text.is_set():
            self._first_text.set()
            metrics.first_text.observe(self._age())
        self._shown = text
        if self._opening is not None and (delivery := _opened(self._opening)) is not None:
            delivery.show(text)

    async def _finish(
        self, delivery: Delivery, text: str, footer: str | None, reason: str | None
    ) -> TurnEnded:
        """Make the text final, then keep it; a storage that fails afterwards takes nothing back."""
        self._record.note("delivering")
        posted = await self._in_time(delivery.finish(text, footer))
        if not posted:
            return self._ended("silent", DELETED if delivery.is_cut_short else "no words")
        if delivery.is_cut_short:
            reason = DELETED
        return await self._conclude(tuple(self._said(message, footer) for message in posted), reason)

    async def _in_time(self, ending: Awaitable[tuple[Posted, ...]]) -> tuple[Posted, ...]:
        self._first_text.set()
        async with asyncio.timeout(DELIVERY_DEADLINE_S):
            return await ending

    async def _close(self, resumed: Unfinished, finals: tuple[Posted, ...]) -> TurnEnded:
        """Close a turn whose messages were complete already when its process ended."""
        if resumed.turn.state != "delivering":
            return self._failed("notice")
        said = (Posted(message.message_id, SMALL_PRINT.sub("", message.text)) for message in finals)
        return await self._conclude(tuple(self._said(message, None) for message in said), None)

    async def _conclude(self, said: tuple[Message, ...], reason: str | None) -> TurnEnded:
        spoken = tuple(message for message in said if message.text)
        for message in spoken:
            await self._keep(message)
        return self._ended("done", reason, spoken)

    async def _apologise(self, delivery: Delivery, error: TroupeError) -> TurnEnded:
        """Close an answer that broke off, or say in the character's voice that there is none."""
        kind = type(error).__name__
        note = self._order.note
        if self._shown:
            footer = notices.broken_off(error, self._turn.id, note)
            return await self._finish(delivery, self._shown, footer, kind)
        notice = notices.error_notice(self._order.speaker, error, self._turn.id, note)
        await self._in_time(delivery.fail(notice))
        return self._failed(kind, error)

    async def _leave(self, delivery: Delivery, reason: str) -> TurnEnded:
        if self._shown:
            return await self._finish(delivery, self._shown, self._farewell(reason), reason)
        await delivery.abandon()
        return self._ended("silent", reason)

    def _farewell(self, reason: str) -> str:
        is_gone = reason in get_args(WithdrawReason)
        return notices.left(self._order.speaker) if is_gone else notices.interrupted(self._turn.id)

    async def _keep(self, message: Message) -> None:
        try:
            if not await self._ports.transcript.record(message):
                await self._ports.transcript.edit(message.id, message.text, self._ports.now())
        except TroupeError as error:
            log.warning(
                "reply_not_kept", turn=str(self._turn.id), error=type(error).__name__, detail=str(error)
            )

    def _said(self, posted: Posted, footer: str | None) -> Message:
        speaker = self._order.speaker
        return Message(
            id=posted.message_id,
            venue=self._turn.venue,
            author=Author(id=NO_USER, name=speaker.name, is_bot=True, webhook_id=NO_USER),
            text=posted.text.removesuffix(with_footer("", footer)[0]).rstrip() if footer else posted.text,
            created_at=_time_of(posted.message_id, self._ports.now()),
            reply_to=self._turn.message_id,
            personality_id=speaker.id,
        )

    def _ended(self, state: TurnState, reason: str | None, delivered: tuple[Message, ...] = ()) -> TurnEnded:
        self._record.note(state, reason=reason)
        return self._outcome(state, reason, delivered)

    def _failed(self, reason: str, error: BaseException | None = None) -> TurnEnded:
        self._record.fail(reason, error)
        return self._outcome("failed", reason)

    def _outcome(
        self, state: TurnState, reason: str | None, delivered: tuple[Message, ...] = ()
    ) -> TurnEnded:
        return TurnEnded(
            speaker_id=self._turn.personality_id,
            message_id=self._turn.message_id,
            state=state,
            reason=reason,
            delivered=delivered,
        )

    def _age(self) -> float:
        return max(0.0, self._ports.now().timestamp() - self._order.seen_at)


def _planned(order: Speak, now: datetime, deadline_s: float) -> Turn:
    first, *rest = order.answering
    return Turn(
        id=turn_id(first.id, order.speaker.id),
        message_id=first.id,
        personality_id=order.speaker.id,
        venue=order.answering[-1].venue,
        author_id=first.author.id,
        also=tuple(message.id for message in rest),
        trace_id=telemetry.trace_id(order.trace),
        deadline=now + timedelta(seconds=deadline_s),
        created_at=now,
    )


def _finals(resumed: Unfinished) -> tuple[Posted, ...]:
    """Return the visible messages of a turn if all of them are complete."""
    chunks = [chunk for chunk in resumed.chunks if chunk.state not in {"gone", "planned"}]
    finals = [
        Posted(chunk.message_id, chunk.text)
        for chunk in chunks
        if chunk.state == "final" and chunk.message_id
    ]
    return tuple(finals) if len(finals) == len(chunks) else ()


def _opened(opening: asyncio.Task[Delivery]) -> Delivery | None:
    is_open = opening.done() and not opening.cancelled() and opening.exception() is None
    return opening.result() if is_open else None


def _is_unrecorded(opening: asyncio.Task[Delivery]) -> bool:
    """Return whether a delivery was not begun, or not gone on with, for want of the ledger."""
    if (delivery := _opened(opening)) is not None:
        return delivery.is_unrecorded
    error = None if opening.cancelled() else opening.exception()
    return isinstance(error, NotRecordedError | StorageError)


def _time_of(snowflake: int, now: datetime) -> datetime:
    """Return when Discord made a message; its id says so."""
    return datetime.fromtimestamp(((snowflake >> 22) + SNOWFLAKE_EPOCH_MS) / 1000, tz=now.tzinfo)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
