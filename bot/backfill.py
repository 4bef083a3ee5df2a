"""After a fresh session Discord replays nothing: what was missed is fetched from the history of channels."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import discord

from config.logs import get_logger
from storage.errors import StorageError
from storage.stores import Stores

log = get_logger(__name__)

MOST_PER_CHANNEL = 200
AT_ONCE = 4
CHANNEL_DEADLINE_S = 60.0


class Backfill:
    """Hands every message since the last one seen to `take`, oldest first, channel by channel.

    Looked at are channels where a character lives or where somebody wrote in the last month. A channel
    where nothing was ever seen is read as far back as messages are still answered.
    """

    def __init__(self, stores: Stores, take: Callable[[discord.Message], None], max_age_s: float) -> None:
        self._stores = stores
        self._take = take
        self._max_age = timedelta(seconds=max_age_s)

    async def run(self, client: discord.Client) -> None:
        """Read all channels that matter; one that cannot be read stops no other."""
        gate = asyncio.Semaphore(AT_ONCE)
        channels = await self._channels(client)
        counts = await asyncio.gather(*(self._read(channel, gate) for channel in channels))
        if found := sum(counts):
            log.info("backfilled", messages=found, channels=len(channels))

    async def _channels(self, client: discord.Client) -> list[discord.abc.Messageable]:
        ids = {venue.channel_id for venue in await self._stores.messages.active_channels(_month_ago())}
        ids |= set(await self._stores.rosters.channels())
        found = (client.get_channel(channel_id) for channel_id in sorted(ids))
        return [channel for channel in found if isinstance(channel, discord.abc.Messageable)]

    async def _read(self, channel: discord.abc.Messageable, gate: asyncio.Semaphore) -> int:
        count = 0
        try:
            async with gate, asyncio.timeout(CHANNEL_DEADLINE_S):
                after = await self._since(channel)
                async for message in channel.history(limit=MOST_PER_CHANNEL, after=after, oldest_first=True):
                    self._take(message)
                    count += 1
        except (discord.HTTPException, StorageError, TimeoutError, OSError) as error:
            log.warning("backfill_failed", error=type(error).__name__, channel=getattr(channel, "id", None))
        return count

    async def _since(self, channel: discord.abc.Messageable) -> discord.abc.Snowflake | datetime:
        last_seen = await self._stores.messages.last_seen(getattr(channel, "id", 0))
        return discord.Object(last_seen) if last_seen else datetime.now(UTC) - self._max_age


def _month_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=30)
