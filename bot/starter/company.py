"""Reading the starter company and bringing it into a new database."""

import asyncio
import tomllib
from importlib.resources import files
from uuid import UUID, uuid5

import msgspec

from config.logs import get_logger
from storage.errors import ConflictError
from storage.records import Personality
from storage.stores import Stores
from storage.stores.personalities import NameTakenError

log = get_logger(__name__)

PACKAGE = "bot.starter"
STARTERS = UUID("5a1c7c0e-93d4-5b86-8f0e-6c2f1d4b7a90")
"""Namespace of the starters' ids, so that every installation knows them by the same ones."""


class _Company(msgspec.Struct):
    character: list[dict[str, object]]


def read_company() -> tuple[Personality, ...]:
    """Return the starters as they are written, without their faces."""
    data = tomllib.loads((files(PACKAGE) / "company.toml").read_text(encoding="utf-8"))
    company = msgspec.convert(data, _Company)
    return tuple(
        msgspec.convert({"id": uuid5(STARTERS, str(fields["slug"])), **fields}, Personality)
        for fields in company.character
    )


def read_face(slug: str) -> bytes:
    """Return the PNG of a starter's face, 256 pixels square."""
    return (files(PACKAGE) / "faces" / f"{slug}.png").read_bytes()


async def install(stores: Stores) -> tuple[Personality, ...]:
    """Create the starters that have never been here and return those that are here now.

    One that was edited stays as it is; one that was deleted stays away; one whose handle somebody else
    has taken is left out.

    Raises:
        StorageUnavailableError: Postgres is away.
    """
    present = [await _ensure(stores, person) for person in await asyncio.to_thread(read_company)]
    return tuple(person for person in present if person is not None)


async def _ensure(stores: Stores, person: Personality) -> Personality | None:
    if (known := await stores.personalities.get(person.id)) is not None:
        return known
    face = await stores.faces.put(await asyncio.to_thread(read_face, person.slug))
    person = msgspec.structs.replace(person, face_hash=face)
    try:
        await stores.personalities.create(person)
    except (ConflictError, NameTakenError) as error:
        log.debug("starter_left_out", slug=person.slug, why=type(error).__name__)
        return None
    log.info("starter_created", slug=person.slug)
    return await stores.personalities.get(person.id)
