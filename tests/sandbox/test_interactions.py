import io

import discord
import pytest
from discord import app_commands

from sandbox.errors import ActionRefusedError
from sandbox.interactions import complete, press, run_command, run_menu, submit_modal
from tests.sandbox.conftest import Running, collect, new_client

pytestmark = pytest.mark.discord


class Form(discord.ui.Modal, title="A character"):
    name: discord.ui.TextInput["Form"] = discord.ui.TextInput(label="Name", custom_id="name", max_length=20)
    voice: discord.ui.TextInput["Form"] = discord.ui.TextInput(
        label="Voice", custom_id="voice", required=False, style=discord.TextStyle.paragraph
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"{self.name.value}/{self.voice.value}", ephemeral=True)


class Panel(discord.ui.View):
    @discord.ui.button(label="More", custom_id="more")
    async def more(self, interaction: discord.Interaction, _button: discord.ui.Button["Panel"]) -> None:
        await interaction.response.edit_message(content="pressed")

    @discord.ui.select(
        custom_id="pick", options=[discord.SelectOption(label="A"), discord.SelectOption(label="B")]
    )
    async def pick(self, interaction: discord.Interaction, select: discord.ui.Select["Panel"]) -> None:
        await interaction.response.send_message(f"picked {select.values[0]}")

    @discord.ui.select(cls=discord.ui.UserSelect, custom_id="who")
    async def who(self, interaction: discord.Interaction, select: discord.ui.UserSelect["Panel"]) -> None:
        await interaction.response.send_message(f"chose {select.values[0].display_name}")


def build_tree(client: discord.Client) -> app_commands.CommandTree:
    tree = app_commands.CommandTree(client)
    group = app_commands.Group(name="channel", description="Who plays here")

    @group.command(name="add", description="Add one")
    async def add(interaction: discord.Interaction, who: str, times: int = 1) -> None:
        await interaction.response.send_message(f"{who} x{times}", ephemeral=True)

    @add.autocomplete("who")
    async def who_complete(_i: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=n, value=n) for n in ("Kay", "Kim", "Lee") if n.startswith(current)]

    @tree.command(description="Everything typed")
    async def typed(
        interaction: discord.Interaction,
        person: discord.Member,
        place: discord.TextChannel,
        picture: discord.Attachment,
        loud: bool,
    ) -> None:
        data = await picture.read()
        text = f"{person.display_name} {place.name} {picture.filename} {len(data)} {loud}"
        await interaction.response.send_message(text)

    @tree.command(description="Opens a form")
    async def form(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Form())

    @tree.command(description="Shows a panel")
    async def panel(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("panel", view=Panel(timeout=None))

    @tree.command(description="Takes its time")
    async def slow(interaction: discord.Interaction) -> None:
        await interaction.response.defer(thinking=True)
        await interaction.edit_original_response(content="done")
        await interaction.followup.send("and more")

    @tree.command(description="Never answers")
    async def silent(_interaction: discord.Interaction) -> None:
        return

    @tree.context_menu(name="Count letters")
    async def count(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(str(len(message.content)), ephemeral=True)

    tree.add_command(group)
    return tree


@pytest.fixture
async def commanding(sandbox: Running) -> Running:
    client = new_client()
    tree = build_tree(client)
    await sandbox.login(client)
    await tree.sync()
    return sandbox


def message_of(sandbox: Running, answer: dict[str, str]) -> str:
    return sandbox.world.state.get_message(int(answer["channel_id"]), int(answer["message_id"])).content


async def test_a_subcommand_with_options_is_answered_for_one_pair_of_eyes(commanding: Running) -> None:
    answer = await run_command(
        commanding.ada(), commanding.stage, ["channel", "add"], {"who": "Kay", "times": "3"}
    )
    assert (answer["kind"], answer["ephemeral"], message_of(commanding, answer)) == (
        "message",
        True,
        "Kay x3",
    )


async def test_entities_and_files_are_options(commanding: Running) -> None:
    options = {
        "person": str(commanding.bjorn().id),
        "place": str(commanding.stage),
        "picture": ("face.png", b"12345"),
        "loud": True,
    }
    answer = await run_command(commanding.ada(), commanding.stage, ["typed"], options)
    assert message_of(commanding, answer) == "Björn stage face.png 5 True"


async def test_autocomplete_offers_what_fits(commanding: Running) -> None:
    answer = await complete(commanding.ada(), commanding.stage, ["channel", "add"], {"who": "K"}, "who")
    assert [choice["name"] for choice in answer["choices"]] == ["Kay", "Kim"]


@pytest.mark.parametrize(
    ("path", "options"),
    [
        (["nothing"], {}),
        (["channel", "add"], {}),
        (["channel", "add"], {"who": "Kay", "times": "many"}),
        (["channel", "add"], {"who": "Kay", "extra": 1}),
        (["typed"], {"person": "12", "place": "1", "picture": ("a", b""), "loud": True}),
    ],
)
async def test_what_discords_client_would_not_send_is_refused(
    commanding: Running, path: list[str], options: dict[str, object]
) -> None:
    with pytest.raises(ActionRefusedError):
        await run_command(commanding.ada(), commanding.stage, path, options)


async def test_a_form_is_filled_in_once(commanding: Running) -> None:
    shown = await run_command(commanding.ada(), commanding.stage, ["form"])
    assert (shown["kind"], shown["modal"]["title"]) == ("modal", "A character")
    answer = await submit_modal(commanding.ada(), int(shown["id"]), {"name": "Kay", "voice": "dry"})
    assert message_of(commanding, answer) == "Kay/dry"
    with pytest.raises(ActionRefusedError):
        await submit_modal(commanding.ada(), int(shown["id"]), {"name": "Kay"})


async def test_a_form_refuses_what_is_too_long_or_missing(commanding: Running) -> None:
    shown = await run_command(commanding.ada(), commanding.stage, ["form"])
    for values in ({"name": "x" * 21}, {"voice": "dry"}):
        with pytest.raises(ActionRefusedError):
            await submit_modal(commanding.ada(), int(shown["id"]), values)


async def test_nobody_else_can_fill_in_a_form(commanding: Running) -> None:
    shown = await run_command(commanding.ada(), commanding.stage, ["form"])
    with pytest.raises(ActionRefusedError):
        await submit_modal(commanding.bjorn(), int(shown["id"]), {"name": "Kay"})


async def test_buttons_and_selects_reach_the_bot(commanding: Running) -> None:
    shown = await run_command(commanding.ada(), commanding.stage, ["panel"])
    message_id = int(shown["message_id"])
    picked = await press(commanding.bjorn(), commanding.stage, message_id, "pick", ["B"])
    chosen = await press(commanding.bjorn(), commanding.stage, message_id, "who", [str(commanding.ada().id)])
    pressed = await press(commanding.bjorn(), commanding.stage, message_id, "more")
    assert message_of(commanding, picked) == "picked B"
    assert message_of(commanding, chosen) == "chose Ada"
    assert (pressed["kind"], message_of(commanding, shown)) == ("update", "pressed")


async def test_components_that_are_not_there_cannot_be_pressed(commanding: Running) -> None:
    shown = await run_command(commanding.ada(), commanding.stage, ["panel"])
    for custom_id, values in (("other", None), ("pick", ["C"]), ("pick", []), ("who", ["1"])):
        with pytest.raises(ActionRefusedError):
            await press(commanding.ada(), commanding.stage, int(shown["message_id"]), custom_id, values)


async def test_a_deferred_answer_is_completed_and_followed_up(commanding: Running) -> None:
    heard = collect(commanding.clients[0][0], "message")
    answer = await run_command(commanding.ada(), commanding.stage, ["slow"])
    assert answer["kind"] == "deferred"
    while (await heard()).content != "and more":
        continue
    assert message_of(commanding, answer) == "done"
    assert commanding.box.ledger.posts()[-1].content == "and more"


async def test_a_message_command_sees_the_message(commanding: Running) -> None:
    sent = commanding.bjorn().send(commanding.stage, "seven!!")
    answer = await run_menu(commanding.ada(), commanding.stage, "Count letters", message_id=int(sent["id"]))
    assert message_of(commanding, answer) == "7"


async def test_an_ephemeral_answer_is_told_to_the_page_and_to_nobody_else(commanding: Running) -> None:
    told: list[str] = []
    commanding.world.subscribe(lambda event, _payload: told.append(event))
    await run_command(commanding.ada(), commanding.stage, ["channel", "add"], {"who": "Kay"})
    assert "SANDBOX_EPHEMERAL_CREATE" in told
    assert "MESSAGE_CREATE" not in told
    assert commanding.world.messages(commanding.stage) == []


async def test_answers_after_three_seconds_come_too_late(
    commanding: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.world.ANSWER_DEADLINE_S", 0.05)
    heard = collect(commanding.clients[0][0], "interaction")
    answer = await run_command(commanding.ada(), commanding.stage, ["silent"])
    assert answer["kind"] is None
    interaction = await heard()
    record = commanding.world.state.interactions[interaction.id]
    record.initial_response_deadline = commanding.world.state.now_iso()
    with pytest.raises(discord.NotFound) as error:
        await interaction.response.send_message("late")
    assert error.value.code == 10062


async def test_a_token_of_an_expired_interaction_is_invalid(commanding: Running) -> None:
    heard = collect(commanding.clients[0][0], "interaction")
    await run_command(commanding.ada(), commanding.stage, ["panel"])
    interaction = await heard()
    commanding.world.state.interactions[interaction.id].expires_at = commanding.world.state.now_iso()
    with pytest.raises(discord.HTTPException) as error:
        await interaction.followup.send("much later")
    assert (error.value.status, error.value.code) == (401, 50027)


async def test_an_interaction_is_answered_once(commanding: Running) -> None:
    heard = collect(commanding.clients[0][0], "interaction")
    await run_command(commanding.ada(), commanding.stage, ["panel"])
    interaction = await heard()
    again = discord.InteractionResponse(interaction)
    with pytest.raises(discord.HTTPException) as error:
        await again.send_message("again")
    assert error.value.code == 40060


async def test_files_come_with_an_answer(commanding: Running) -> None:
    heard = collect(commanding.clients[0][0], "interaction")
    await run_command(commanding.ada(), commanding.stage, ["panel"])
    interaction = await heard()
    message = await interaction.followup.send(file=discord.File(io.BytesIO(b"abc"), "a.txt"), wait=True)
    assert message.attachments[0].size == 3


async def test_commands_work_in_direct_messages(commanding: Running) -> None:
    dm = int(commanding.bjorn().open_dm()["id"])
    answer = await run_command(commanding.bjorn(), dm, ["channel", "add"], {"who": "Lee"})
    assert message_of(commanding, answer) == "Lee x1"


async def test_a_command_of_one_place_is_not_offered_in_another(commanding: Running) -> None:
    dm = int(commanding.bjorn().open_dm()["id"])
    with pytest.raises(ActionRefusedError):
        await run_command(commanding.ada(), dm, ["channel", "add"], {"who": "Lee"})
