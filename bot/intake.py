"""What happens on Discord, committed first and told to the channel's actor second."""

import asyncio
import itertools
import time
from collections.abc import Callable
from functools import partial

import discord

from actors.channel.messages import MessageCreated, MessageEdited, MessagesDeleted
from actors.runtime.errors import OverloadedError
from bot.backfill import Backfill
from bot.client import TroupeClient
from bot.extract import extract, readable
from bot.lanes import Lanes
from bot.patience import patiently
from config import metrics
from config.logs import get_logger
from config.telemetry import carrier, span
from config.trigger_points import reach
from storage.records import Message
from storage.stores import Stores

ChannelEvent = MessageCreated | MessageEdited | MessagesDeleted
Tell = Callable[[int, ChannelEvent], None]

log = get_logger(__name__)

SPOKEN = frozenset({discord.MessageType.default, discord.MessageType.reply})
"""Everything else is a notice of Discord's own, such as a pin, or the answer to another bot's command."""


LANE_LIMIT = 1000
"""Events of one channel that wait while the database is away, or its actor has more than enough unread."""
FULL_PAUSE_S = 0.1
"""How long a lane leaves an actor alone that has no room for more."""


class Intake:
    """Listens to the client. Events of one channel stay in order; no channel waits for another.

    While the database is away, events wait in their channel's lane and are committed when it is back; so they
    do while the channel's mailbox is full. What finds no room in a full lane is fetched from Discord once the
    lane is empty.
    Echoes of our own characters are dropped: their words are kept by the turn that spoke them.
    """

    def __init__(
        self,
        stores: Stores,
        tell: Tell,
        is_own_webhook: Callable[[int], bool],
        max_age_s: float,
        lane_limit: int = LANE_LIMIT,
    ) -> None:
        self._stores = stores
        self._tell = tell
        self._is_own_webhook = is_own_webhook
        self._max_age_s = max_age_s
        self._lanes = Lanes(lane_limit, self._fill_gap)
        self._gaps: dict[int, int] = {}
        self._filling: set[asyncio.Task[None]] = set()
        self._client: TroupeClient | None = None
        self._backfill = Backfill(stores, self, max_age_s)
        self._open = True
        self._own_id: int | None = None
        self.application_owner_id: int | None = None
        self.ready = asyncio.Event()

    def close(self) -> None:
        """Take in nothing more."""
        self._open = False

    async def drained(self) -> None:
        """Wait until everything taken in is committed and told."""
        await self._lanes.idle()

    async def on_ready(self, client: TroupeClient) -> None:
        """Learn who owns the application, and fetch what was missed since the last session."""
        self._own_id = client.user.id if client.user else None
        if client.application is not None:
            self.application_owner_id = _owner_of(client.application)
        log.info("discord_ready", guilds=len(client.guilds), user=str(client.user))
        self._client = client
        self.ready.set()
        await self._backfill.run(client, client.connected_at)

    async def on_message(self, message: discord.Message) -> None:
        """Take in a message of a person or of another bot."""
        self.take(message)

    def take(self, message: discord.Message) -> None:
        """Queue one message in its channel's lane; whether it is known already is seen when committing."""
        if not self._open or message.type not in SPOKEN or self._is_ours(message):
            return
        seen_at = time.time()
        record = extract(message)
        if not self._lanes.put(record.venue.channel_id, lambda: self._commit(record, seen_at)):
            metrics.messages_seen.labels("refused").inc()
            self._gaps.setdefault(record.venue.channel_id, record.id)

    def _fill_gap(self, channel_id: int) -> None:
        """Fetch what a full lane had no room for."""
        first_missed = self._gaps.pop(channel_id, None)
        if first_missed is None or self._client is None or not self._open:
            return
        task = asyncio.create_task(self._backfill.fill(self._client, channel_id, first_missed))
        self._filling.add(task)
        task.add_done_callback(self._filling.discard)

    async def on_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Take over a changed text."""
        self.take_edit(payload.message)

    def take_edit(self, message: discord.Message) -> None:
        """Queue a changed text in its channel's lane."""
        if not self._open or self._is_ours(message) or message.edited_at is None:
            return
        edit = MessageEdited(message_id=message.id, text=readable(message), edited_at=message.edited_at)
        self._lanes.put(message.channel.id, lambda: self._edit(message.channel.id, edit))

    async def on_delete(self, channel_id: int, message_ids: set[int]) -> None:
        """Take messages out of the transcript."""
        self.take_deletion(channel_id, message_ids)

    def take_deletion(self, channel_id: int, message_ids: set[int]) -> None:
        """Queue a deletion in its channel's lane."""
        if self._open:
            deletion = MessagesDeleted(tuple(sorted(message_ids)))
            self._lanes.put(channel_id, lambda: self._delete(channel_id, deletion))

    def _is_ours(self, message: discord.Message) -> bool:
        if message.webhook_id is not None:
            return self._is_own_webhook(message.webhook_id)
        return message.author.id == self._own_id

    async def _commit(self, message: Message, seen_at: float) -> None:
        with span("message", channel__id=message.venue.channel_id, message__id=message.id):
            is_new = await self._record(message)
            reach("after_inbox")
            metrics.messages_seen.labels("new" if is_new else "repeated").inc()
            if is_new:
                is_fresh = seen_at - message.created_at.timestamp() <= self._max_age_s
                event = MessageCreated(message=message, seen_at=seen_at, trace=carrier(), to_answer=is_fresh)
                await self._hand_over(message.venue.channel_id, event)

    async def _record(self, message: Message) -> bool:
        """Commit a message; true if it was new.

        A commit whose answer was lost may have succeeded: then it is known, and nobody has been told.
        """
        tries = itertools.count()

        async def once() -> bool:
            is_repeated = next(tries) > 0
            is_new = await self._stores.messages.record(message)
            return is_new or (is_repeated and await self._stores.messages.is_undecided(message.id))

        return await patiently(once)

    async def _edit(self, channel_id: int, edit: MessageEdited) -> None:
        if await patiently(lambda: self._stores.messages.edit(edit.message_id, edit.text, edit.edited_at)):
            await self._hand_over(channel_id, edit)

    async def _delete(self, channel_id: int, deletion: MessagesDeleted) -> None:
        for message_id in deletion.message_ids:
            await patiently(partial(self._stores.messages.delete, message_id))
        await self._hand_over(channel_id, deletion)

    async def _hand_over(self, channel_id: int, event: ChannelEvent) -> None:
        """Tell the channel, as soon as it has room: what is committed is told once and in order."""
        while True:
            try:
                return self._tell(channel_id, event)
            except OverloadedError:
                await asyncio.sleep(FULL_PAUSE_S)


def _owner_of(application: discord.AppInfo) -> int | None:
    return application.team.owner_id if application.team else application.owner.id
