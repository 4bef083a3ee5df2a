"""Personalities: the characters' definitions."""

from uuid import UUID

import msgspec

from storage.errors import ConflictError, StorageError
from storage.queries import query
from storage.records import Personality
from storage.stores.base import Store, to_record

CREATE, UPDATE, GET = query("create_personality"), query("update_personality"), query("get_personality")
FIND, VISIBLE = query("find_personality"), query("visible_personalities")
DIRECTORY, OWNED = query("personality_directory"), query("owned_personalities")
DELETE, RESTORE = query("delete_personality"), query("restore_personality")
DELETED_BY, EVER = query("personalities_deleted_by"), query("personality_ever")
SLUG_INDEX = "personalities_slug"


class NameTakenError(StorageError):
    """Another character has this handle."""

    user_message = "Another character already has this name as its handle."


class PersonalityName(msgspec.Struct, frozen=True):
    """As much of a character as it takes to hear its name."""

    id: UUID
    name: str
    slug: str


class PersonalityStore(Store):
    """Characters. Deleted ones are seen by nobody and can be restored for a day."""

    async def create(self, personality: Personality) -> None:
        """Add a character.

        Raises:
            NameTakenError: its slug is in use, in whatever case.
        """
        if not await self._database.fetch_value(CREATE, *_columns(personality)):
            raise NameTakenError(f"The slug {personality.slug} is taken.")

    async def update(self, personality: Personality) -> bool:
        """Replace a definition; false if the character is gone.

        Raises:
            NameTakenError: another character has the slug.
        """
        try:
            return bool(await self._database.fetch_value(UPDATE, *_columns(personality)))
        except ConflictError as error:
            raise NameTakenError(f"The slug {personality.slug} is taken.") from error

    async def get(self, personality_id: UUID) -> Personality | None:
        """Return a character that is not deleted."""
        row = await self._database.fetch_row(GET, personality_id)
        return to_record(row, Personality) if row else None

    async def ever(self, personality_id: UUID) -> Personality | None:
        """Return a character, also a deleted one."""
        row = await self._database.fetch_row(EVER, personality_id)
        return to_record(row, Personality) if row else None

    async def find(self, name: str, viewer_id: int | None) -> Personality | None:
        """Return the character of this name or slug, in any case, that the viewer owns or that is public.

        Of several the viewer's own comes first, then the one with that slug, then the oldest.
        """
        row = await self._database.fetch_row(FIND, name, viewer_id)
        return to_record(row, Personality) if row else None

    async def visible(
        self, viewer_id: int | None, query: str = "", limit: int = 25, offset: int = 0
    ) -> list[Personality]:
        """List the characters a viewer may see whose name or slug holds `query`, by name, best first."""
        rows = await self._database.fetch(VISIBLE, viewer_id, query, limit, offset)
        return [to_record(row, Personality) for row in rows]

    async def owned(self, owner_id: int | None, query: str = "", limit: int = 25) -> list[Personality]:
        """List an owner's characters, or everybody's for None, in the order of `visible`."""
        rows = await self._database.fetch(OWNED, owner_id, query, limit)
        return [to_record(row, Personality) for row in rows]

    async def directory(self, viewer_id: int | None) -> list[PersonalityName]:
        """List all names that the viewer may call, cheaply."""
        return [PersonalityName(*row) for row in await self._database.fetch(DIRECTORY, viewer_id)]

    async def delete(self, personality_id: UUID, by: int) -> bool:
        """Hide a character; false if it was gone already."""
        return bool(await self._database.fetch_value(DELETE, personality_id, by))

    async def restore(self, personality_id: UUID) -> bool:
        """Bring back a character deleted less than a day ago; false if it is too late.

        Raises:
            NameTakenError: its slug has been given to another meanwhile.
        """
        try:
            return bool(await self._database.fetch_value(RESTORE, personality_id))
        except ConflictError as error:
            raise NameTakenError("Its slug has been taken meanwhile.") from error

    async def deleted_by(self, user_id: int) -> list[Personality]:
        """List what this user deleted and can still restore, latest first."""
        rows = await self._database.fetch(DELETED_BY, user_id)
        return [to_record(row, Personality) for row in rows]


def _columns(personality: Personality) -> list[object]:
    """The values of the definition, in the order of the queries; the dates are the database's."""
    *definition, _created_at, _deleted_at = msgspec.structs.astuple(personality)
    return definition
