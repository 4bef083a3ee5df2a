"""One delivery: a message that grows, continues in further ones, and ends."""

import asyncio
import contextlib
import re
from collections.abc import Callable
from enum import Enum
from uuid import UUID

from typing_extensions import override

from actors.reply.chunks import Piece, below, split, with_footer
from actors.reply.outlet import Delivery, DeliveryError, Posted
from bot.delivery.calls import Ticket, Urgency
from bot.delivery.errors import MessageGoneError, WebhookGoneError
from bot.delivery.journal import Journal
from bot.delivery.mouths import Mouth, Shown, nonce_of
from bot.delivery.resumption import PARAGRAPH, Resumption
from config import telemetry
from config.logs import get_logger
from config.trigger_points import reach

log = get_logger(__name__)

EARLY_EDITS = 2
EARLY_EDIT_S = 0.15
"""The first edits come this soon after each other, so that a short answer is seen to grow, too."""
EDIT_INTERVAL_S = 1.0
WEBHOOKS_LOST = 5
"""Webhooks that may vanish under one delivery before it gives up."""
ABANDON_S = 5.0
WORD = re.compile(r"\w")


class Slot:
    """One visible message of the delivery: what it shows, and up to where in the text.

    What it shows is not certain after a restart: the ledger may be a second behind.
    """

    __slots__ = ("end", "is_certain", "position", "shown", "text")

    def __init__(self, position: int, shown: Shown, end: int, *, is_certain: bool = True) -> None:
        self.position = position
        self.shown = shown
        self.text = shown.text
        self.end = end
        self.is_certain = is_certain


class State(Enum):
    """How far the text is."""

    GROWING = 0
    FINAL = 1
    ABANDONED = 2


class _AbandonedError(DeliveryError):
    """The delivery was abandoned before this request left."""


class Stream(Delivery):
    """Makes what is visible equal to what is wished, one request after another.

    Args:
        turn_id: the turn.
        after: a snowflake from before the delivery.
        mouth: posts and edits.
        journal: writes it down.
        hurry: makes the line of requests look again, after a ticket became more urgent.
        resumed: what stands of the delivery already; it is left as it is until `show` or `finish`.
    """

    def __init__(
        self,
        turn_id: UUID,
        after: int,
        mouth: Mouth,
        journal: Journal,
        hurry: Callable[[], None],
        resumed: Resumption | None = None,
    ) -> None:
        self._turn_id = turn_id
        self._after = after
        self._mouth = mouth
        self._journal = journal
        self._hurry = hurry
        self._text = ""
        self._footer: str | None = None
        self._state = State.GROWING
        self._frozen: list[Slot] = []
        self._frozen_text = ""
        self._slots: list[Slot] = []
        self._next_position = 0
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._visible = asyncio.Event()
        self._ticket = Ticket(Urgency.POST, 0.0)
        self._sent = Piece(0, 0, "")
        self._sent_at = self._edit_at = 0.0
        self._is_sending = self._is_intended = self.is_cut_short = self.is_unrecorded = False
        self._early_edits = self._webhooks_lost = 0
        if resumed is not None:
            self._take_up(resumed)
        self._task = asyncio.create_task(self._deliver())
        self._task.add_done_callback(_retrieve)

    def _take_up(self, resumed: Resumption) -> None:
        self._next_position = resumed.next_position
        end = 0
        for one in resumed.standing:
            end += len(one.shown.text)
            slot = Slot(one.position, one.shown, end, is_certain=False)
            if one.is_ours:
                self._slots.append(slot)
            else:
                self._frozen = [*self._frozen, *self._slots, slot]
                self._slots = []
            end += len(PARAGRAPH)
            self._after = max(self._after, one.shown.message_id)
            if not one.is_recorded:
                self._journal.posted(one.position, one.shown.message_id, one.shown.text)
        if self._frozen:
            self._frozen_text = resumed.text[: self._frozen[-1].end]
        if resumed.standing:
            self._visible.set()

    @override
    async def visible(self) -> None:
        await self._visible.wait()

    @override
    def show(self, text: str) -> None:
        if self._state is State.GROWING:
            self._text = text
            self._changed.set()

    @override
    async def finish(self, text: str, footer: str | None = None) -> tuple[Posted, ...]:
        reach("before_final")
        self._text, self._footer = text, footer
        self._end(State.FINAL)
        return await self._task

    @override
    async def fail(self, notice: str) -> tuple[Posted, ...]:
        return await self.finish(below(self._text, notice))

    @override
    async def abandon(self) -> None:
        self._end(State.ABANDONED)
        if self._is_sending:
            await asyncio.wait([self._task], timeout=ABANDON_S)
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._journal.settled()

    def _end(self, state: State) -> None:
        self._state = state
        self._changed.set()
        self._ended.set()
        if self._ticket.urgency > Urgency.FINAL:
            self._ticket.urgency = Urgency.FINAL
            self._hurry()

    async def _deliver(self) -> tuple[Posted, ...]:
        with telemetry.span("deliver", turn__id=str(self._turn_id)):
            if not self._slots:
                await self._intend()
            try:
                while await self._step():
                    pass
            except _AbandonedError:
                log.info("delivery_abandoned", turn=str(self._turn_id))
            return await self._settle()

    async def _step(self) -> bool:
        """Wait until something is to be done and do it; false at the end."""
        await self._wait()
        if self._state is State.ABANDONED:
            return False
        pieces = self._pieces()
        index = self._first_difference(pieces)
        if index is None:
            return self._state is State.GROWING
        if index >= len(pieces):
            await self._remove()
        elif index >= len(self._slots) and not self._is_intended:
            await self._intend()
        elif index >= len(self._slots):
            self._sent = pieces[index]
            await self._post(index)
        else:
            self._sent = pieces[index]
            return await self._edit(index)
        return True

    async def _wait(self) -> None:
        """Return when a step is due: at once for a new message and at the end, else once per interval."""
        while not self._ended.is_set():
            self._changed.clear()
            index = self._first_difference(self._pieces())
            if index is None:
                await self._changed.wait()
            elif index >= len(self._slots) or self._edit_at <= _now():
                return
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(self._edit_at):
                        await self._ended.wait()

    def _pieces(self) -> list[Piece]:
        """Return the messages that are wished for, without those that are frozen."""
        ends = [slot.end for slot in self._frozen] if self._text.startswith(self._frozen_text) else []
        pieces = list(split(self._text, self._mouth.limit, ends)[len(ends) :])
        if self._state is State.FINAL and self._footer:
            _add_footer(pieces, self._footer, self._mouth.limit)
        return pieces

    def _first_difference(self, pieces: list[Piece]) -> int | None:
        for index, piece in enumerate(pieces):
            if index >= len(self._slots):
                is_worth_it = self._state is State.FINAL or WORD.search(piece.shown)
                return index if is_worth_it else None
            slot = self._slots[index]
            if slot.text != piece.shown or not slot.is_certain:
                return index
        is_too_long = self._state is State.FINAL and len(self._slots) > len(pieces)
        return len(pieces) if is_too_long else None

    async def _intend(self) -> None:
        """Make the next post ready and say in the ledger that it comes; nothing is posted before."""
        webhook_id = await self._mouth.ready()
        self.is_unrecorded = True
        await self._journal.intend(self._next_position, webhook_id)
        self.is_unrecorded = False
        self._is_intended = True

    async def _post(self, index: int) -> None:
        position = self._next_position
        self._ticket = Ticket(Urgency.POST, _now())
        self._is_intended = False
        reach("before_post")
        try:
            shown = await self._mouth.post(
                lambda: self._newest(index), nonce_of(self._turn_id, position), self._after, self._ticket
            )
        except WebhookGoneError:
            return self._lose_webhook()
        finally:
            self._is_sending = False
        reach("after_post")
        self._visible.set()
        self._next_position += 1
        self._after = max(self._after, shown.message_id)
        self._slots.append(Slot(position, shown, self._sent.end))
        self._journal.posted(position, shown.message_id, shown.text)
        self._edit_at = self._sent_at + EARLY_EDIT_S
        self._early_edits = EARLY_EDITS
        return None

    async def _edit(self, index: int) -> bool:
        """Change a message; false if somebody deleted it, which ends the delivery."""
        slot = self._slots[index]
        self._ticket = Ticket(self._urgency(), _now())
        try:
            await self._mouth.change(slot.shown, lambda: self._newest(index), self._ticket)
        except MessageGoneError:
            del self._slots[index]
            self._journal.gone(slot.position)
            self.is_cut_short = True
            return False
        except WebhookGoneError:
            self._lose_webhook()
            return True
        finally:
            self._is_sending = False
        reach("mid_edit")
        slot.text, slot.end, slot.is_certain = self._sent.shown, self._sent.end, True
        self._journal.shows(slot.position, slot.text)
        self._early_edits = max(0, self._early_edits - 1)
        self._edit_at = self._sent_at + (EARLY_EDIT_S if self._early_edits else EDIT_INTERVAL_S)
        return True

    def _urgency(self) -> Urgency:
        if self._state is State.FINAL:
            return Urgency.FINAL
        return Urgency.EARLY if self._early_edits else Urgency.EDIT

    async def _remove(self) -> None:
        """Delete the last message: the final text does not need it."""
        slot = self._slots.pop()
        self._journal.gone(slot.position)
        with contextlib.suppress(MessageGoneError, WebhookGoneError):
            await self._mouth.remove(slot.shown, Ticket(Urgency.FINAL, _now()))

    def _newest(self, index: int) -> str:
        """Return the newest text of a message; asked when the request leaves."""
        if self._state is State.ABANDONED:
            raise _AbandonedError
        pieces = self._pieces()
        if index < len(pieces):
            self._sent = pieces[index]
        self._sent_at = _now()
        self._is_sending = True
        return self._sent.shown

    def _lose_webhook(self) -> None:
        """Leave what is shown as it is, since nobody can change it any more; the rest comes below it."""
        self._webhooks_lost += 1
        if self._webhooks_lost > WEBHOOKS_LOST:
            raise DeliveryError("Every webhook vanishes.")
        self._frozen += self._slots
        self._slots = []
        if self._frozen:
            self._frozen_text = self._text[: self._frozen[-1].end]

    async def _settle(self) -> tuple[Posted, ...]:
        slots = [*self._frozen, *self._slots]
        if self._state is State.FINAL or self.is_cut_short:
            for slot in slots:
                self._journal.final(slot.position, slot.text)
            await self._journal.settled()
            reach("after_final")
        return tuple(Posted(slot.shown.message_id, slot.text) for slot in slots)


def _add_footer(pieces: list[Piece], footer: str, limit: int) -> None:
    last = pieces.pop() if pieces else None
    text, more = with_footer(last.shown if last else "", footer, limit)
    start, end = (last.start, last.end) if last else (0, 0)
    pieces.append(Piece(start, end, text))
    if more is not None:
        pieces.append(Piece(end, end, more))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _retrieve(task: asyncio.Task[tuple[Posted, ...]]) -> None:
    """Look at the outcome, so that a delivery nobody waits for any more raises no alarm."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("delivery_failed", error=type(error).__name__)
