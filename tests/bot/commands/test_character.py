import io
from typing import Any

import pytest
from PIL import Image

from tests.bot.here import eventually
from tests.bot.using import Answer, Stage

pytestmark = pytest.mark.discord

WRITTEN = {
    "name": "Mia Moon",
    "who_they_are": "A retired pirate.",
    "how_they_speak": "Short.",
    "first_message": "Ahoy.",
}


def picture(form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 20), "teal").save(out, form)
    return out.getvalue()


async def create(stage: Stage, options: dict[str, Any] | None = None, **fields: str) -> Answer:
    form = await stage.use(stage.bjorn, "character create", options)
    return await (await form.fill(**WRITTEN | fields)).settled()


async def test_a_character_is_written_in_a_form(stage: Stage) -> None:
    answer = await create(stage)

    person = await stage.stores.personalities.find("mia-moon", stage.bjorn.id)
    assert person is not None
    assert (person.name, person.who, person.speech, person.first_message, person.owner_id) == (
        *WRITTEN.values(),
        stage.bjorn.id,
    )
    assert answer.is_private
    assert "Written. `/channel add-personality` brings Mia Moon in." in answer.text


async def test_only_name_and_nature_are_asked_for(stage: Stage) -> None:
    form = await stage.use(stage.bjorn, "character create")

    needed = {label for label, each in form.fields.items() if each.get("required", True)}
    assert needed == {"Name", "Who they are"}


async def test_an_attached_picture_becomes_the_face(stage: Stage) -> None:
    answer = await create(stage, {"picture": ("me.png", picture())})

    person = await stage.stores.personalities.find("mia-moon", stage.bjorn.id)
    assert person is not None
    assert person.face_hash is not None
    face = await stage.stores.faces.get(person.face_hash)
    assert face is not None
    assert Image.open(io.BytesIO(face)).size == (256, 256)
    assert "face.png" in answer.message["embeds"][0]["thumbnail"]["url"]


async def test_a_picture_that_is_none_costs_only_the_face(stage: Stage) -> None:
    answer = await create(stage, {"picture": ("me.png", b"<html>")})

    person = await stage.stores.personalities.find("mia-moon", stage.bjorn.id)
    assert person is not None
    assert person.face_hash is None
    assert "That is not a PNG" in answer.text
    assert "`/character edit` takes another" in answer.text


async def test_a_picture_that_is_too_large_is_not_fetched(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.commands.faces.MOST_BYTES", 10)

    answer = await create(stage, {"picture": ("me.png", picture())})

    assert "larger than 10 MB" in answer.text


async def test_a_picture_of_too_many_pixels_is_not_opened(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.commands.faces.MOST_PIXELS", 10)

    answer = await create(stage, {"picture": ("me.png", picture())})

    assert "too many pixels" in answer.text


async def test_a_picture_that_is_gone_is_asked_for_again(stage: Stage) -> None:
    form = await stage.use(stage.bjorn, "character create", {"picture": ("me.png", picture())})
    stage.here.world.assets._held.clear()

    answer = await (await form.fill(**WRITTEN)).settled()

    assert "attach it once more" in answer.text


async def test_an_invisible_name_is_refused_and_nothing_written_is_lost(stage: Stage) -> None:
    form = await stage.use(stage.bjorn, "character create")

    refusal = await form.fill(**WRITTEN | {"name": "\u200b"})
    again = await refusal.press("Open the form again")

    assert refusal.is_private
    assert "needs a name" in refusal.text
    assert again.fields["Who they are"]["value"] == "A retired pirate."


async def test_the_form_opened_again_creates_the_character(stage: Stage) -> None:
    form = await stage.use(stage.bjorn, "character create")
    again = await (await form.fill(**WRITTEN | {"name": "@"})).press("Open the form again")

    await (await again.fill(name="Mia")).settled()

    person = await stage.stores.personalities.find("Mia", stage.bjorn.id)
    assert person is not None
    assert person.who == "A retired pirate."


async def test_a_handle_that_is_taken_gets_letters_of_the_id(stage: Stage) -> None:
    await stage.write("Mia Moon", slug="mia-moon")

    await create(stage)

    slugs = {person.slug for person in await stage.stores.personalities.visible(None, "mia")}
    assert len(slugs) == 2
    assert all(slug.startswith("mia-moon") for slug in slugs)


async def test_the_form_for_changing_is_filled(stage: Stage) -> None:
    await stage.write("Mia", stage.bjorn, who="A pirate.", speech="Arr.")

    form = await stage.use(stage.bjorn, "character edit", {"character": "Mia"})

    assert {label: each.get("value") for label, each in form.fields.items()} == {
        "Name": "Mia",
        "Who they are": "A pirate.",
        "How they speak": "Arr.",
        "First message": None,
    }


async def test_a_character_is_changed_and_all_channels_hear_of_it(stage: Stage) -> None:
    mia = await stage.write("Mia", stage.bjorn, who="A pirate.")
    form = await stage.use(stage.bjorn, "character edit", {"character": "Mia"})

    answer = await (await form.fill(name="Maja")).settled()

    changed = await stage.stores.personalities.get(mia.id)
    assert changed is not None
    assert (changed.name, changed.who, changed.slug) == ("Maja", "A pirate.", "mia")
    assert stage.told.personalities == [mia.id]
    assert "Changed, from the next reply on." in answer.text


async def test_a_change_without_a_picture_keeps_the_face(stage: Stage) -> None:
    face = await stage.stores.faces.put(picture())
    mia = await stage.write("Mia", stage.bjorn, who="A pirate.", face_hash=face)
    form = await stage.use(stage.bjorn, "character edit", {"character": "Mia"})

    await (await form.fill(name="Maja")).settled()

    changed = await stage.stores.personalities.get(mia.id)
    assert changed is not None
    assert changed.face_hash == face


async def test_a_change_may_bring_a_new_face(stage: Stage) -> None:
    mia = await stage.write("Mia", stage.bjorn, who="A pirate.")
    options = {"character": "Mia", "picture": ("me.gif", picture("GIF"))}
    form = await stage.use(stage.bjorn, "character edit", options)

    await (await form.fill()).settled()

    changed = await stage.stores.personalities.get(mia.id)
    assert changed is not None
    assert changed.face_hash is not None


async def test_a_character_deleted_while_the_form_was_open_is_not_changed(stage: Stage) -> None:
    mia = await stage.write("Mia", stage.bjorn, who="A pirate.")
    form = await stage.use(stage.bjorn, "character edit", {"character": "Mia"})
    await stage.stores.personalities.delete(mia.id, by=stage.ada.id)

    answer = await (await form.fill(name="Maja")).settled()

    assert "has been deleted meanwhile" in answer.text
    assert "Open the form again" in answer.buttons


@pytest.mark.parametrize("command", ["character edit", "character delete"])
async def test_anothers_character_is_not_touched(stage: Stage, command: str) -> None:
    await stage.write("Mia", stage.ada)

    answer = await stage.use(stage.bjorn, command, {"character": "Mia"})

    assert answer.is_private
    assert answer.text == "**Mia** belongs to somebody else."


async def test_whoever_runs_the_bot_may_change_every_character(stage: Stage) -> None:
    await stage.write("Mia", stage.bjorn, is_public=False)
    mia = await stage.stores.personalities.find("Mia", stage.bjorn.id)
    assert mia is not None

    form = await stage.use(stage.ada, "character edit", {"character": str(mia.id)})

    assert form.kind == "modal"


@pytest.mark.parametrize("command", ["character edit", "character delete"])
async def test_suggested_for_change_are_ones_own(stage: Stage, command: str) -> None:
    await stage.write("Mia", stage.ada)
    await stage.write("Milo", stage.bjorn)

    suggested = [await stage.suggestions(who, command, "character", "") for who in (stage.ada, stage.bjorn)]

    assert suggested == [["Mia", "Milo"], ["Milo"]]


async def test_ones_own_character_is_suggested_among_any_number_of_others(stage: Stage) -> None:
    for number in range(30):
        await stage.write(f"Clown {number:02}", stage.ada)
    await stage.write("Zorro", stage.bjorn)

    assert await stage.suggestions(stage.bjorn, "character edit", "character", "") == ["Zorro"]


async def test_a_character_is_viewed_with_its_face(stage: Stage) -> None:
    face = await stage.stores.faces.put(picture())
    await stage.write("Mia", who="A pirate.", speech="Arr.", first_message="Ahoy.", face_hash=face)

    answer = await stage.use(stage.bjorn, "character view", {"character": "mia"})

    assert answer.is_private
    for words in ("Mia", "A pirate.", "How they speak: Arr.", "First message: Ahoy.", "mia · public"):
        assert words in answer.text
    assert answer.message["embeds"][0]["thumbnail"]["url"].startswith("http")


async def test_a_long_definition_is_shown_as_far_as_it_fits(stage: Stage) -> None:
    await stage.write("Mia", who="x" * 4000, is_public=False)

    answer = await stage.use(stage.ada, "character view", {"character": "mia"})

    assert "x" * 999 + "…" in answer.text
    assert "private" in answer.text


async def test_a_private_character_is_viewed_by_its_owner_only(stage: Stage) -> None:
    await stage.write("Mia", stage.ada, is_public=False)

    answer = await stage.use(stage.bjorn, "character view", {"character": "Mia"})

    assert "I know nobody called “Mia”" in answer.text
    assert await stage.suggestions(stage.bjorn, "character view", "character", "") == []


async def test_browsing_turns_pages_there_and_back(stage: Stage) -> None:
    for number in range(12):
        await stage.write(f"Clown {number:02}", who="Laughs.\nA lot. " * 10)

    answer = await stage.use(stage.bjorn, "character browse")
    first = answer.text
    assert answer.is_private
    assert (answer.buttons["◀ Back"]["disabled"], answer.buttons["More ▶"]["disabled"]) == (True, False)
    await answer.press("More ▶")
    second = answer.text
    assert (answer.buttons["◀ Back"]["disabled"], answer.buttons["More ▶"]["disabled"]) == (False, True)
    await answer.press("◀ Back")

    assert first.count("**Clown") == 10
    assert second.count("**Clown") == 2
    assert answer.text == first


async def test_browsing_can_be_narrowed(stage: Stage) -> None:
    await stage.write("Mia")
    await stage.write("Ben")

    answer = await stage.use(stage.bjorn, "character browse", {"query": "mi"})

    assert answer.text.splitlines() == ["Characters with “mi”", "**Mia** — "]


async def test_browsing_an_empty_house_says_how_to_begin(stage: Stage) -> None:
    answer = await stage.use(stage.bjorn, "character browse")

    assert "`/character create`" in answer.text


async def test_the_wrong_name_deletes_nobody(stage: Stage) -> None:
    mia = await stage.write("Mia", stage.bjorn)
    form = await stage.use(stage.bjorn, "character delete", {"character": "Mia"})

    answer = await form.fill(type_the_name_to_confirm="Maja")

    assert answer.is_private
    assert "**Mia** stays" in answer.text
    assert await stage.stores.personalities.get(mia.id) is not None


async def delete(stage: Stage) -> Answer:
    form = await stage.use(stage.bjorn, "character delete", {"character": "Mia"})
    return await form.fill(type_the_name_to_confirm=" mia ")


async def test_the_right_name_deletes_and_all_channels_hear_of_it(stage: Stage) -> None:
    mia = await stage.write("Mia", stage.bjorn)

    answer = await delete(stage)

    assert answer.is_private
    assert "**Mia** is gone" in answer.text
    assert await stage.stores.personalities.get(mia.id) is None
    assert stage.told.personalities == [mia.id]


async def test_nobody_is_deleted_twice(stage: Stage) -> None:
    mia = await stage.write("Mia", stage.bjorn)
    form = await stage.use(stage.bjorn, "character delete", {"character": "Mia"})
    await stage.stores.personalities.delete(mia.id, by=stage.ada.id)

    answer = await form.fill(type_the_name_to_confirm="Mia")

    assert "gone already" in answer.text


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_deletion_is_taken_back(stage: Stage, restarted: bool) -> None:
    mia = await stage.write("Mia", stage.bjorn)
    answer = await delete(stage)
    if restarted:
        await stage.restart()

    await answer.press("Take it back")

    assert answer.text == "**Mia** is back."
    assert await stage.stores.personalities.get(mia.id) is not None
    assert stage.told.personalities == [mia.id, mia.id]


async def test_after_a_day_it_is_too_late(stage: Stage) -> None:
    mia = await stage.write("Mia", stage.bjorn)
    answer = await delete(stage)
    await stage.let_a_day_pass_since_deletion_of(mia)

    late = await answer.press("Take it back")

    assert late.is_private
    assert "too late" in late.text


async def test_a_handle_given_away_meanwhile_is_explained(stage: Stage) -> None:
    await stage.write("Mia", stage.bjorn)
    answer = await delete(stage)
    await stage.write("Another Mia", stage.ada, slug="mia")

    refused = await answer.press("Take it back")

    assert "already has this name" in refused.text
    assert "ref: " in refused.text


async def test_a_failed_form_keeps_what_was_written(stage: Stage) -> None:
    form = await stage.use(stage.bjorn, "character create")
    await stage.take_the_database_away()

    answer = await (await form.fill(**WRITTEN)).settled()

    assert "memory" in answer.text
    assert "ref: " in answer.text
    assert "Open the form again" in answer.buttons


async def test_a_failed_button_is_answered(stage: Stage) -> None:
    for number in range(12):
        await stage.write(f"Clown {number:02}")
    answer = await stage.use(stage.bjorn, "character browse")
    await stage.take_the_database_away()

    failed = await answer.press("More ▶")

    await eventually(lambda: failed.kind)
    assert failed.is_private
    assert "ref: " in failed.text
