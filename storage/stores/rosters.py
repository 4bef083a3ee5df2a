"""Rosters: which characters live in a channel."""

from uuid import UUID

from storage.queries import query
from storage.records import Personality
from storage.stores.base import Store, to_record

ADD, REMOVE = query("add_to_roster"), query("remove_from_roster")
OF, CHANNELS_OF = query("roster_of"), query("channels_of_personality")
CHANNELS = query("roster_channels")


class RosterStore(Store):
    """The company of each channel."""

    async def add(self, channel_id: int, personality_id: UUID, added_by: int | None = None) -> bool:
        """Put a character on the roster; false if it is there already or does not exist."""
        return bool(await self._database.fetch_value(ADD, channel_id, personality_id, added_by))

    async def remove(self, channel_id: int, personality_id: UUID) -> bool:
        """Take a character off the roster; false if it was not there."""
        return bool(await self._database.fetch_value(REMOVE, channel_id, personality_id))

    async def of(self, channel_id: int) -> list[Personality]:
        """Return the characters of a channel in order of arrival, without deleted ones."""
        return [to_record(row, Personality) for row in await self._database.fetch(OF, channel_id)]

    async def channels_of(self, personality_id: UUID) -> list[int]:
        """Return the channels where a character lives."""
        return [row["channel_id"] for row in await self._database.fetch(CHANNELS_OF, personality_id)]

    async def channels(self) -> list[int]:
        """Return every channel where somebody lives."""
        return [row["channel_id"] for row in await self._database.fetch(CHANNELS)]
