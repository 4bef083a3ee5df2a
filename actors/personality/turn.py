"""One turn, from plan to delivered words: exactly one visible outcome, or a silence with its reason."""

import asyncio
from datetime import datetime, timedelta

from actors.context.plan import make_plan
from actors.models.errors import ModelError
from actors.personality import notices
from actors.personality.generation import Generation
from actors.personality.messages import Speak, TurnEnded, WithdrawReason
from actors.personality.ports import Ports
from actors.personality.record import TurnRecord
from actors.reply.chunks import with_footer
from actors.reply.outlet import Delivery, DeliveryError, Posted, VenueGoneError
from config import metrics, telemetry
from config.errors import TroupeError
from config.logs import get_logger
from storage.records import Author, Message, Turn, TurnState, turn_id

log = get_logger(__name__)

DELIVERY_DEADLINE_S = 120.0
SNOWFLAKE_EPOCH_MS = 1_420_070_400_000
NO_USER = 0
"""Stands for the author of a character's words: `personality_id` says who it was."""


class WithdrawnError(TroupeError):
    """The speaker was taken away in mid-turn; the message is the reason."""


class TurnRun:
    """Runs one turn. Cancelling `run` leaves the ledger as it is, for a later recovery."""

    def __init__(self, order: Speak, ports: Ports) -> None:
        self._order = order
        self._ports = ports
        self._turn = _planned(order, ports.now(), ports.deadline_s)
        self._record = TurnRecord(self._turn, ports.turns)
        self._withdrawn: WithdrawReason | None = None
        self._generating: asyncio.Task[str] | None = None
        self._first_text = asyncio.Event()
        self._shown = ""

    def withdraw(self, reason: WithdrawReason) -> None:
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
        if not await self._is_new():
            return TurnEnded(
                speaker_id=self._turn.personality_id,
                message_id=self._turn.message_id,
                state="silent",
                reason="known already",
            )
        delivery = self._ports.outlet.open(self._turn, self._order.speaker)
        try:
            return await self._perform(delivery)
        except asyncio.CancelledError:
            await delivery.abandon()
            raise
        except VenueGoneError:
            return self._ended("silent", "venue gone")
        except (DeliveryError, TimeoutError) as error:
            log.warning("turn_not_delivered", turn=str(self._turn.id), error=type(error).__name__)
            await delivery.abandon()
            return self._ended("failed", "not delivered")

    async def _is_new(self) -> bool:
        try:
            return await self._record.plan()
        except TroupeError as error:
            log.warning("turn_not_recorded", turn=str(self._turn.id), error=type(error).__name__)
            return True

    async def _perform(self, delivery: Delivery) -> TurnEnded:
        if self._order.words is not None:
            self._record.note("generating")
            return await self._finish(delivery, self._order.words, self._order.note, None)
        try:
            text = await self._generate(self._generation(delivery))
        except WithdrawnError as gone:
            return await self._leave(delivery, gone.message)
        except ModelError as error:
            log.warning("model_failed", turn=str(self._turn.id), error=type(error).__name__)
            return await self._apologise(delivery, error)
        except Exception as error:
            log.exception("turn_crashed", turn=str(self._turn.id))
            return await self._apologise(delivery, TroupeError(type(error).__name__))
        return await self._finish(delivery, text, self._order.note, None)

    def _generation(self, delivery: Delivery) -> Generation:
        order = self._order
        plan = make_plan(order.speaker, order.roster, order.window, order.answering, self._ports.now())
        return Generation(
            str(self._turn.id), plan, self._ports, lambda text: self._show(delivery, text), self._attempt
        )

    async def _generate(self, generation: Generation) -> str:
        if self._withdrawn is not None:
            raise WithdrawnError(self._withdrawn)
        self._generating = asyncio.create_task(generation.run())
        beside = [asyncio.create_task(work) for work in (self._type(), self._prepare())]
        try:
            return await self._generating
        except asyncio.CancelledError:
            if (reason := self._taken_away()) is None:
                raise
            raise WithdrawnError(reason) from None
        finally:
            await _cancel(beside)

    def _taken_away(self) -> WithdrawReason | None:
        """Return why the generation alone was cancelled; None if the whole turn is being stopped."""
        task = asyncio.current_task()
        return None if task is not None and task.cancelling() else self._withdrawn

    async def _type(self) -> None:
        async with self._ports.outlet.typing(self._turn.venue):
            await self._first_text.wait()

    async def _prepare(self) -> None:
        await self._ports.outlet.prepare(self._turn.venue, self._turn.personality_id)

    def _attempt(self, number: int) -> None:
        self._record.note("generating", attempt=number)

    def _show(self, delivery: Delivery, text: str) -> None:
        self._record.note("delivering")
        if not self._first_text.is_set():
            self._first_text.set()
            metrics.first_text.observe(self._age())
        self._shown = text
        delivery.show(text)

    async def _finish(
        self, delivery: Delivery, text: str, footer: str | None, reason: str | None
    ) -> TurnEnded:
        """Make the text final, then keep it; a storage that fails afterwards takes nothing back."""
        self._record.note("delivering")
        async with asyncio.timeout(DELIVERY_DEADLINE_S):
            posted = await delivery.finish(text, footer)
        said = tuple(self._said(message, footer) for message in posted)
        spoken = tuple(message for message in said if message.text)
        for message in spoken:
            await self._keep(message)
        return self._ended("done", reason, spoken)

    async def _apologise(self, delivery: Delivery, error: TroupeError) -> TurnEnded:
        """Close an answer that broke off, or say in the character's voice that there is none."""
        kind = type(error).__name__
        if self._shown:
            return await self._finish(delivery, self._shown, notices.broken_off(error, self._turn.id), kind)
        async with asyncio.timeout(DELIVERY_DEADLINE_S):
            await delivery.fail(notices.error_notice(self._order.speaker, error, self._turn.id))
        return self._ended("failed", kind)

    async def _leave(self, delivery: Delivery, reason: str) -> TurnEnded:
        if self._shown:
            return await self._finish(delivery, self._shown, notices.left(self._order.speaker), reason)
        await delivery.abandon()
        return self._ended("silent", reason)

    async def _keep(self, message: Message) -> None:
        try:
            if not await self._ports.transcript.record(message):
                await self._ports.transcript.edit(message.id, message.text, self._ports.now())
        except TroupeError as error:
            log.warning("reply_not_kept", turn=str(self._turn.id), error=type(error).__name__)

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


def _time_of(snowflake: int, now: datetime) -> datetime:
    """Return when Discord made a message; its id says so."""
    return datetime.fromtimestamp(((snowflake >> 22) + SNOWFLAKE_EPOCH_MS) / 1000, tz=now.tzinfo)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
