from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest

from storage.database import Database
from storage.errors import StorageError
from storage.queries import Query
from storage.records import Personality, Preset
from storage.stores import Stores
from storage.stores.personalities import NameTakenError

pytestmark = pytest.mark.service

Make = Callable[..., Personality]


def same(one: Personality | None, other: Personality) -> bool:
    """Compare definitions; the dates are the database's."""
    return one is not None and msgspec.structs.replace(one, created_at=None) == other


async def age(database: Database, personality_id: UUID, hours: int) -> None:
    """Let a deletion have happened `hours` earlier."""
    sql = "update personalities set deleted_at = deleted_at - make_interval(hours => $2) where id = $1"
    await database.fetch(Query("age", sql), personality_id, hours)


async def test_a_definition_comes_back_as_it_was(stores: Stores, personality: Make) -> None:
    preset = Preset(id=uuid4(), name="calm", model="a/b", parameters={"temperature": 0.5})
    await stores.presets.create(preset)
    made = personality(
        who="A lamp.",
        speech="Flickers.",
        first_message="*hums*",
        examples=(("hi", "bzz"), ("how are you", "bright")),
        error_message="Pop.",
        talkativeness=0.75,
        is_public=False,
        face_hash=await stores.faces.put(b"png"),
        preset_id=preset.id,
    )
    await stores.personalities.create(made)
    found = await stores.personalities.get(made.id)
    assert same(found, made)
    assert found
    assert found.created_at
    assert abs(datetime.now(UTC) - found.created_at) < timedelta(minutes=1)


async def test_a_slug_is_taken_in_whatever_case(
    stores: Stores, lilith: Personality, personality: Make
) -> None:
    with pytest.raises(NameTakenError):
        await stores.personalities.create(personality("Other", slug=lilith.slug.upper()))


async def test_the_same_name_with_another_slug_is_free(
    stores: Stores, lilith: Personality, personality: Make
) -> None:
    await stores.personalities.create(personality(lilith.name, slug="lilith-2"))
    assert len(await stores.personalities.visible(None, "Lilith")) == 2


async def test_creating_the_same_id_twice_is_an_error_but_no_taken_name(
    stores: Stores, lilith: Personality
) -> None:
    with pytest.raises(StorageError) as failure:
        await stores.personalities.create(msgspec.structs.replace(lilith, slug="other"))
    assert not isinstance(failure.value, NameTakenError)


async def test_an_update_replaces_the_definition(stores: Stores, lilith: Personality) -> None:
    changed = msgspec.structs.replace(lilith, name="Lili", slug="lili", who="New.", is_public=False)
    assert await stores.personalities.update(changed)
    assert same(await stores.personalities.get(lilith.id), changed)


async def test_an_update_cannot_take_anothers_slug(
    stores: Stores, lilith: Personality, personality: Make
) -> None:
    other = personality("Other")
    await stores.personalities.create(other)
    with pytest.raises(NameTakenError):
        await stores.personalities.update(msgspec.structs.replace(other, slug=lilith.slug))


async def test_an_update_of_a_deleted_one_does_nothing(stores: Stores, lilith: Personality) -> None:
    await stores.personalities.delete(lilith.id, by=3)
    assert not await stores.personalities.update(lilith)


@pytest.mark.parametrize("typed", ["Lilith", "lILITH", "lilith"])
async def test_a_character_is_found_by_name_or_slug_in_any_case(
    stores: Stores, lilith: Personality, typed: str
) -> None:
    assert same(await stores.personalities.find(typed, 4), lilith)
    assert await stores.personalities.find(typed[:-1], 4) is None


async def test_a_private_character_is_found_by_its_owner_only(stores: Stores, personality: Make) -> None:
    secret = personality("Secret", is_public=False)
    await stores.personalities.create(secret)
    assert same(await stores.personalities.find("secret", 3), secret)
    assert await stores.personalities.find("secret", 4) is None
    assert await stores.personalities.find("secret", None) is None


async def test_of_namesakes_ones_own_is_found_then_the_one_with_the_slug(
    stores: Stores, personality: Make
) -> None:
    first, second, third = (
        personality("Twin", slug=slug, owner_id=owner) for slug, owner in (("a", 1), ("twin", 2), ("c", 3))
    )
    for one in (first, second, third):
        await stores.personalities.create(one)
    assert same(await stores.personalities.find("TWIN", 3), third)
    assert same(await stores.personalities.find("TWIN", 9), second)


async def test_browsing_shows_public_and_own_by_name_and_page(stores: Stores, personality: Make) -> None:
    for name, owner, is_public in (("Bo", 4, True), ("Al", 4, True), ("Cy", 3, False), ("Di", 4, False)):
        await stores.personalities.create(personality(name, owner_id=owner, is_public=is_public))
    seen = [one.name for one in await stores.personalities.visible(3)]
    assert seen == ["Al", "Bo", "Cy"]
    assert [one.name for one in await stores.personalities.visible(3, "", 1, 1)] == ["Bo"]
    assert [one.name for one in await stores.personalities.directory(3)] == seen


async def test_browsing_puts_names_that_begin_so_first_and_takes_signs_literally(
    stores: Stores, personality: Make
) -> None:
    for name, slug in (("Anna%", "x1"), ("Hanna", "x2"), ("Annabel", "x3"), ("Zoë", "zo-anna")):
        await stores.personalities.create(personality(name, slug=slug))
    seen = [one.name for one in await stores.personalities.visible(3, "anna")]
    assert seen == ["Anna%", "Annabel", "Hanna", "Zoë"]
    assert [one.name for one in await stores.personalities.visible(3, "%")] == ["Anna%"]
    assert [one.name for one in await stores.personalities.visible(3, "ZOË")] == ["Zoë"]


async def test_a_deleted_character_is_seen_by_nobody_and_its_slug_is_free(
    stores: Stores, lilith: Personality, personality: Make
) -> None:
    assert await stores.personalities.delete(lilith.id, by=3)
    assert not await stores.personalities.delete(lilith.id, by=3)
    assert await stores.personalities.get(lilith.id) is None
    assert await stores.personalities.find("lilith", 3) is None
    assert await stores.personalities.visible(3) == []
    assert await stores.personalities.directory(3) == []
    await stores.personalities.create(personality())


async def test_a_deletion_can_be_taken_back_for_a_day(
    stores: Stores, database: Database, lilith: Personality
) -> None:
    await stores.personalities.delete(lilith.id, by=3)
    await age(database, lilith.id, hours=23)
    assert [one.id for one in await stores.personalities.deleted_by(3)] == [lilith.id]
    assert await stores.personalities.deleted_by(4) == []
    assert await stores.personalities.restore(lilith.id)
    assert same(await stores.personalities.get(lilith.id), lilith)
    assert not await stores.personalities.restore(lilith.id)


async def test_after_a_day_a_deletion_is_for_good(
    stores: Stores, database: Database, lilith: Personality
) -> None:
    await stores.personalities.delete(lilith.id, by=3)
    await age(database, lilith.id, hours=25)
    assert not await stores.personalities.restore(lilith.id)
    assert await stores.personalities.deleted_by(3) == []


async def test_a_slug_that_was_given_away_cannot_be_restored(
    stores: Stores, lilith: Personality, personality: Make
) -> None:
    await stores.personalities.delete(lilith.id, by=3)
    await stores.personalities.create(personality())
    with pytest.raises(NameTakenError):
        await stores.personalities.restore(lilith.id)


async def test_a_face_is_kept_once_and_found_by_its_hash(stores: Stores, database: Database) -> None:
    first, second = await stores.faces.put(b"\x89PNG"), await stores.faces.put(b"\x89PNG")
    assert first == second
    assert await stores.faces.get(first) == b"\x89PNG"
    assert await stores.faces.get("0" * 64) is None
    assert await database.fetch_value(Query("faces", "select count(*) from faces")) == 1


async def test_a_face_that_is_not_kept_cannot_be_worn(stores: Stores, personality: Make) -> None:
    with pytest.raises(StorageError, match="ForeignKeyViolation"):
        await stores.personalities.create(personality(face_hash="0" * 64))


async def test_a_roster_keeps_the_order_of_arrival(stores: Stores, personality: Make) -> None:
    people = [personality(name) for name in ("Zed", "Amy", "Max")]
    for one in people:
        await stores.personalities.create(one)
        assert await stores.rosters.add(500, one.id, added_by=3)
    assert not await stores.rosters.add(500, people[0].id, 3)
    assert [one.name for one in await stores.rosters.of(500)] == ["Zed", "Amy", "Max"]
    assert await stores.rosters.remove(500, people[0].id)
    assert not await stores.rosters.remove(500, people[0].id)
    assert await stores.rosters.add(500, people[0].id)
    assert [one.name for one in await stores.rosters.of(500)] == ["Amy", "Max", "Zed"]


async def test_a_roster_never_shows_the_deleted_or_unknown(stores: Stores, lilith: Personality) -> None:
    await stores.rosters.add(500, lilith.id)
    assert not await stores.rosters.add(500, uuid4())
    await stores.personalities.delete(lilith.id, by=3)
    assert await stores.rosters.of(500) == []
    await stores.personalities.restore(lilith.id)
    assert [one.id for one in await stores.rosters.of(500)] == [lilith.id]


async def test_the_channels_of_a_character_are_known(stores: Stores, lilith: Personality) -> None:
    for channel in (502, 500):
        await stores.rosters.add(channel, lilith.id)
    assert await stores.rosters.channels_of(lilith.id) == [500, 502]
    assert await stores.rosters.channels_of(uuid4()) == []


async def test_an_owners_characters_are_listed_apart_and_all_of_them_on_request(
    stores: Stores, personality: Make
) -> None:
    for name, owner_id in (("Mia", 7), ("Ben", 8), ("Tom", None)):
        await stores.personalities.create(
            personality(id=uuid4(), name=name, slug=name.lower(), owner_id=owner_id, is_public=False)
        )

    listed = [
        [person.name for person in await stores.personalities.owned(owner, "")] for owner in (7, 8, None)
    ]

    assert listed == [["Mia"], ["Ben"], ["Ben", "Mia", "Tom"]]
