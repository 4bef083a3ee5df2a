"""Presets: a model and its parameters under a name."""

from uuid import UUID

import msgspec

from storage.queries import query
from storage.records import Preset
from storage.stores.base import Store, to_record

CREATE, GET, LIST = query("create_preset"), query("get_preset"), query("list_presets")


class PresetStore(Store):
    """Presets of users and, without an owner, of everybody."""

    async def create(self, preset: Preset) -> None:
        """Add a preset.

        Raises:
            ConflictError: its id is known.
        """
        await self._database.fetch_value(CREATE, *msgspec.structs.astuple(preset))

    async def get(self, preset_id: UUID) -> Preset | None:
        """Return a preset."""
        row = await self._database.fetch_row(GET, preset_id)
        return to_record(row, Preset) if row else None

    async def visible(self, viewer_id: int | None) -> list[Preset]:
        """List the presets of the viewer and of everybody, by name."""
        return [to_record(row, Preset) for row in await self._database.fetch(LIST, viewer_id)]
