"""After a fresh session Discord replays nothing: what was missed is fetched from the history of channels."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import aiohttp
import discord
from discord.utils import snowflake_time, time_snowflake

from bot.patience import patiently
from config.logs import get_logger
from storage.records import Message
from storage.stores import Stores

log = get_logger(__name__)

PAGE = 100
"""Messages that Discord tells at once; the first page is asked for anyway and shows what has changed."""
MOST_PER_CHANNEL = 200
AT_ONCE = 4
CHANNEL_DEADLINE_S = 60.0
RETRY_PAUSES_S = (1.0, 5.0, 25.0)
OVERLAP = timedelta(seconds=60)
"""Read twice, for what was said live before the backfill came to its channel, and for differing clocks."""
UNREACHABLE = (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError)


class Hearer(Protocol):
    """Who takes in what was missed; it must know again what it has had."""

    def take(self, message: discord.Message) -> None:
        """A message was written."""
        ...

    def take_edit(self, message: discord.Message) -> None:
        """A message was changed."""
        ...

    def take_deletion(self, channel_id: int, message_ids: set[int]) -> None:
        """Messages were deleted."""
        ...


class Backfill:
    """Hands every message since the last one of an earlier session to a hearer, oldest first, by channel.

    Looked at are channels where a character lives, where somebody wrote in the last month, or where Discord
    says that something was written lately. A channel where nothing was ever seen is read as far back as
    messages are still answered. Of very many messages the newest are fetched. Among the newest 100 that were
    known before, what was edited or deleted meanwhile is told as well.
    """

    def __init__(
        self,
        stores: Stores,
        hearer: Hearer,
        max_age_s: float,
        retry_pauses_s: Sequence[float] = RETRY_PAUSES_S,
    ) -> None:
        self._stores = stores
        self._hearer = hearer
        self._max_age = timedelta(seconds=max_age_s)
        self._retry_pauses_s = retry_pauses_s

    async def run(self, client: discord.Client, connected_at: datetime) -> None:
        """Read all channels that matter; one that cannot be read stops no other."""
        gate = asyncio.Semaphore(AT_ONCE)
        ids = sorted(await patiently(self._channels) | self._lively(client))
        counts = await asyncio.gather(*(self._read(client, each, connected_at, gate) for each in ids))
        if found := sum(counts):
            log.info("backfilled", messages=found, channels=len(ids))

    async def fill(self, client: discord.Client, channel_id: int, first_missed: int) -> None:
        """Read what one channel has said from a message on that found no room."""
        count = await self._keep_trying(client, channel_id, first_missed - 1, snowflake_time(first_missed))
        log.info("gap_filled", channel=channel_id, messages=count)

    async def _channels(self) -> set[int]:
        ids = {venue.channel_id for venue in await self._stores.messages.active_channels(_month_ago())}
        return ids | set(await self._stores.rosters.channels())

    def _lively(self, client: discord.Client) -> set[int]:
        """Return the channels whose newest message is young enough to be answered; this asks nobody."""
        since = time_snowflake(datetime.now(UTC) - self._max_age)
        places = [
            *client.get_all_channels(),
            *(thread for guild in client.guilds for thread in guild.threads),
        ]
        return {place.id for place in places if (getattr(place, "last_message_id", None) or 0) >= since}

    async def _read(
        self, client: discord.Client, channel_id: int, connected_at: datetime, gate: asyncio.Semaphore
    ) -> int:
        async with gate:
            after = await patiently(lambda: self._since(channel_id, connected_at))
            return await self._keep_trying(client, channel_id, after, connected_at)

    async def _keep_trying(
        self, client: discord.Client, channel_id: int, after: int, known_before: datetime
    ) -> int:
        for pause_s in (*self._retry_pauses_s, None):
            try:
                async with asyncio.timeout(CHANNEL_DEADLINE_S):
                    return await self._fetch(client, channel_id, after, known_before)
            except (discord.Forbidden, discord.NotFound):
                return 0
            except UNREACHABLE as error:
                log.warning("backfill_failed", error=type(error).__name__, channel=channel_id)
            if pause_s is None or client.is_closed():
                break
            await asyncio.sleep(pause_s)
        return 0

    async def _fetch(
        self, client: discord.Client, channel_id: int, after: int, connected_at: datetime
    ) -> int:
        channel = client.get_channel(channel_id) or await client.fetch_channel(channel_id)
        if not isinstance(channel, discord.abc.Messageable):
            return 0
        known = await patiently(
            lambda: self._stores.messages.window(channel_id, PAGE, time_snowflake(connected_at))
        )
        page = [message async for message in channel.history(limit=PAGE)]
        missed = [message for message in page if message.id > after]
        if len(missed) == len(page) == PAGE:
            missed += await self._further(channel, page[-1], after)
        self._compare(channel_id, known, page)
        for message in reversed(missed[:MOST_PER_CHANNEL]):
            self._hearer.take(message)
        return len(missed[:MOST_PER_CHANNEL])

    async def _further(
        self, channel: discord.abc.Messageable, before: discord.Message, after: int
    ) -> list[discord.Message]:
        found: list[discord.Message] = []
        async for message in channel.history(limit=max(0, MOST_PER_CHANNEL - PAGE), before=before):
            if message.id <= after:
                break
            found.append(message)
        return found

    def _compare(self, channel_id: int, window: Sequence[Message], page: Sequence[discord.Message]) -> None:
        """Tell what has changed of the messages that were known before; an empty page tells nothing.

        Discord answers with one where the history may not be read.
        """
        if not page:
            return
        since = page[-1].id if len(page) == PAGE else 0
        there = {message.id: message for message in page}
        known = {message.id: message for message in window if message.id >= since}
        for message_id in sorted(known.keys() & there.keys()):
            edited_at = there[message_id].edited_at
            if edited_at is not None and edited_at != known[message_id].edited_at:
                self._hearer.take_edit(there[message_id])
        if gone := known.keys() - there.keys():
            self._hearer.take_deletion(channel_id, gone)

    async def _since(self, channel_id: int, connected_at: datetime) -> int:
        before = time_snowflake(connected_at - OVERLAP)
        last_seen = await self._stores.messages.last_seen(channel_id, before)
        return last_seen or time_snowflake(datetime.now(UTC) - self._max_age)


def _month_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=30)
