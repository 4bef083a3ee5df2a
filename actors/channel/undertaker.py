"""Buries messages that killed their actor again and again, so that nothing about them is lost but time."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from actors.channel.apologies import Apologies
from actors.channel.messages import MessageCreated, TurnsFound
from actors.channel.patience import patiently
from actors.personality.messages import Speak
from config.logs import get_logger
from storage.letters import EventEnvelope, chain_of
from storage.records import turn_id
from storage.stores import Stores

log = get_logger(__name__)

POISON = "poison"
"""The reason in the ledger of a turn, and in the letter of an event, that killed its actor."""


class Undertaker:
    """Writes dead letters off the path of the living; a storage that is away is waited for.

    Args:
        stores: everything kept.
        apologies: tell people of turns that have failed.
    """

    def __init__(self, stores: Stores, apologies: Apologies) -> None:
        self._stores = stores
        self._apologies = apologies
        self._work: set[asyncio.Task[None]] = set()

    def bury_event(self, channel_id: int, message: Any, error: BaseException, deaths: int) -> None:
        """Keep what killed a channel."""
        log.error("event_buried", channel=channel_id, kind=type(message).__name__, deaths=deaths)
        self._begin(self._bury(channel_id, message, error, deaths))

    def bury_order(self, seat: tuple[int, UUID], order: Any, error: BaseException, deaths: int) -> None:
        """Fail the turn whose order killed a personality; other messages are kept as events."""
        log.error("order_buried", channel=seat[0], personality=str(seat[1]), deaths=deaths)
        if isinstance(order, Speak):
            self._begin(self._fail(order, error))
        else:
            self._begin(self._bury(seat[0], order, error, deaths))

    async def done(self) -> None:
        """Wait until all is written."""
        if self._work:
            await asyncio.wait(self._work)

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work, name="bury")
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _bury(self, channel_id: int, message: Any, error: BaseException, deaths: int) -> None:
        event = EventEnvelope(type(message).__name__, msgspec.to_builtins(message))
        about = message.message.id if isinstance(message, MessageCreated | TurnsFound) else None
        await patiently(
            lambda: self._stores.dead_letters.bury(
                channel_id, event, reason=POISON, errors=chain_of(error), attempts=deaths, message_id=about
            )
        )

    async def _fail(self, order: Speak, error: BaseException) -> None:
        which = turn_id(order.answering[0].id, order.speaker.id)
        turn = await patiently(lambda: self._stores.turns.get(which))
        if turn is not None:
            failed = turn
            await self._apologies.say(turn)
            await patiently(lambda: self._stores.turns.fail(failed, reason=POISON, errors=chain_of(error)))
