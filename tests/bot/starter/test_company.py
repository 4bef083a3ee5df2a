from uuid import uuid4

import pytest
from msgspec.structs import replace

from bot.starter.company import install
from storage.records import Personality
from storage.stores import Stores

pytestmark = pytest.mark.service


async def test_a_new_database_gets_three_characters_with_faces(stores: Stores) -> None:
    company = await install(stores)
    faces = [await stores.faces.get(person.face_hash or "") for person in company]
    assert len(company) == 3
    assert all(face is not None and face.startswith(b"\x89PNG") for face in faces)


async def test_installing_again_changes_nothing(stores: Stores) -> None:
    assert await install(stores) == await install(stores)


async def test_an_edit_survives(stores: Stores) -> None:
    first, *_ = await install(stores)
    await stores.personalities.update(replace(first, who="Somebody else entirely."))
    (again, *_) = await install(stores)
    assert again.who == "Somebody else entirely."


async def test_a_deleted_one_stays_away(stores: Stores) -> None:
    first, *others = await install(stores)
    await stores.personalities.delete(first.id, by=1)
    assert await install(stores) == tuple(others)


async def test_a_handle_that_somebody_has_is_theirs(stores: Stores) -> None:
    own = Personality(id=uuid4(), name="My Hush", slug="hush", owner_id=5)
    await stores.personalities.create(own)
    assert "hush" not in {person.slug for person in await install(stores)}
