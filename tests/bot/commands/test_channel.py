import pytest

from tests.bot.here import eventually
from tests.bot.using import Stage

pytestmark = pytest.mark.discord


async def test_somebody_comes_and_everyone_is_told(stage: Stage) -> None:
    mia = await stage.write("Mia")

    answer = await stage.use(stage.ada, "channel add-personality", {"personality": str(mia.id)})

    assert not answer.is_private
    assert "**Mia** is here now" in answer.text
    assert await stage.stores.rosters.of(stage.channel) == [await stage.stores.personalities.get(mia.id)]


async def test_the_rest_of_the_bot_hears_of_an_arrival(stage: Stage) -> None:
    mia = await stage.write("Mia")

    answer = await stage.use(stage.ada, "channel add-personality", {"personality": "mia"})

    await eventually(lambda: stage.told.arrived)
    [(person, invitation)] = stage.told.arrived
    assert (person.id, invitation.id) == (mia.id, int(answer.payload["id"]))
    assert (invitation.venue.channel_id, invitation.author.id) == (stage.channel, stage.ada.id)
    assert [venue.channel_id for venue in stage.told.rosters] == [stage.channel]


async def test_whoever_is_here_does_not_come_twice(stage: Stage) -> None:
    await stage.write("Mia")
    await stage.use(stage.ada, "channel add-personality", {"personality": "Mia"})

    answer = await stage.use(stage.ada, "channel add-personality", {"personality": "Mia"})

    assert answer.is_private
    assert answer.text == "**Mia** is already here."


async def test_nobody_comes_whom_nobody_knows(stage: Stage) -> None:
    answer = await stage.use(stage.ada, "channel add-personality", {"personality": "Zoë"})

    assert answer.is_private
    assert "I know nobody called “Zoë”" in answer.text


async def test_a_private_character_comes_only_with_its_owner(stage: Stage) -> None:
    hidden = await stage.write("Hidden", stage.ada, is_public=False)
    channel = int(stage.bjorn.open_dm()["id"])

    answer = await stage.use(
        stage.bjorn, "channel add-personality", {"personality": str(hidden.id)}, channel=channel
    )

    assert "I know nobody" in answer.text


async def test_without_manage_messages_nobody_is_brought_in(stage: Stage) -> None:
    await stage.write("Mia")

    answer = await stage.use(stage.bjorn, "channel add-personality", {"personality": "Mia"})

    assert answer.is_private
    assert "Manage Messages" in answer.text
    assert await stage.stores.rosters.of(stage.channel) == []


async def test_in_a_direct_message_everyone_chooses_their_company(stage: Stage) -> None:
    await stage.write("Mia")
    channel = int(stage.bjorn.open_dm()["id"])

    await stage.use(stage.bjorn, "channel add-personality", {"personality": "Mia"}, channel=channel)

    assert [person.name for person in await stage.stores.rosters.of(channel)] == ["Mia"]
    assert [venue.kind for venue in stage.told.rosters] == ["dm"]


async def test_a_thread_has_a_company_of_its_own(stage: Stage) -> None:
    await stage.write("Mia")
    thread = int(stage.ada.start_thread(stage.channel, "Aside")["id"])

    await stage.use(stage.ada, "channel add-personality", {"personality": "Mia"}, channel=thread)

    [venue] = stage.told.rosters
    assert (venue.kind, venue.channel_id, venue.parent_id) == ("thread", thread, stage.channel)


async def test_somebody_leaves(stage: Stage) -> None:
    mia = await stage.write("Mia")
    await stage.stores.rosters.add(stage.channel, mia.id)

    answer = await stage.use(stage.ada, "channel remove-personality", {"personality": "mia"})

    assert "**Mia** has left" in answer.text
    assert await stage.stores.rosters.of(stage.channel) == []
    assert [venue.channel_id for venue in stage.told.rosters] == [stage.channel]


async def test_a_moderator_shows_anothers_private_character_out(stage: Stage) -> None:
    hidden = await stage.write("Hidden", stage.ada, is_public=False)
    await stage.stores.rosters.add(stage.channel, hidden.id)
    world = stage.here.world
    world.state.guilds[world.guild_id].owner_id = stage.bjorn.id

    answer = await stage.use(stage.bjorn, "channel remove-personality", {"personality": str(hidden.id)})

    assert "**Hidden** has left" in answer.text


async def test_whoever_is_elsewhere_cannot_leave(stage: Stage) -> None:
    await stage.write("Mia")

    answer = await stage.use(stage.ada, "channel remove-personality", {"personality": "Mia"})

    assert answer.is_private
    assert "“Mia” is not here" in answer.text


async def test_without_manage_messages_nobody_is_shown_out(stage: Stage) -> None:
    mia = await stage.write("Mia")
    await stage.stores.rosters.add(stage.channel, mia.id)

    await stage.use(stage.bjorn, "channel remove-personality", {"personality": "Mia"})

    assert [person.name for person in await stage.stores.rosters.of(stage.channel)] == ["Mia"]


async def test_the_company_is_listed_in_private(stage: Stage) -> None:
    for name in ("Mia", "Ben"):
        await stage.stores.rosters.add(stage.channel, (await stage.write(name)).id)

    answer = await stage.use(stage.bjorn, "channel personalities")

    assert answer.is_private
    assert [line.split("**")[1] for line in answer.text.splitlines()] == ["Mia", "Ben"]


async def test_an_empty_channel_says_how_to_fill_it(stage: Stage) -> None:
    answer = await stage.use(stage.ada, "channel personalities")

    assert "`/channel add-personality`" in answer.text


async def test_a_crowd_with_long_names_still_fits_a_message(stage: Stage) -> None:
    for number in range(12):
        person = await stage.write("M" * 78 + f"{number:02}")
        await stage.stores.rosters.add(stage.channel, person.id)

    answer = await stage.use(stage.ada, "channel personalities")

    assert answer.text.endswith("… and 3 more")


async def test_suggested_to_come_are_those_whom_one_may_see(stage: Stage) -> None:
    await stage.write("Mia")
    await stage.write("Milo", stage.bjorn, is_public=False)
    await stage.write("Ben")

    suggested = [
        await stage.suggestions(who, "channel add-personality", "personality", "mi")
        for who in (stage.ada, stage.bjorn)
    ]

    assert suggested == [["Mia"], ["Mia", "Milo"]]


async def test_suggested_to_leave_are_those_present(stage: Stage) -> None:
    mia = await stage.write("Mia")
    await stage.write("Milo")
    await stage.stores.rosters.add(stage.channel, mia.id)

    assert await stage.suggestions(stage.ada, "channel remove-personality", "personality", "") == ["Mia"]


async def test_no_more_is_suggested_than_discord_takes(stage: Stage) -> None:
    for number in range(30):
        await stage.write(f"Clown {number:02}")

    suggested = await stage.suggestions(stage.ada, "channel add-personality", "personality", "clown")

    assert len(suggested) == 25


async def test_namesakes_are_told_apart(stage: Stage) -> None:
    await stage.write("Mia", slug="mia")
    await stage.write("Mia", slug="mia-2")

    suggested = await stage.suggestions(stage.ada, "channel add-personality", "personality", "mia")

    assert sorted(suggested) == ["Mia (mia)", "Mia (mia-2)"]


async def test_a_handle_finds_its_character_too(stage: Stage) -> None:
    await stage.write("龍", slug="dragon")

    assert await stage.suggestions(stage.ada, "channel add-personality", "personality", "drag") == ["龍"]
