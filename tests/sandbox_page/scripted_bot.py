"""A bot on stock discord.py that does what Troupe does, by script and at once."""

import asyncio
import io

import discord
from discord import app_commands
from PIL import Image, ImageDraw
from typing_extensions import override

ROSTER = {"Wren": "#3d6b5c", "Old Ferro": "#8a4b2f"}
EDIT_PAUSE_S = 0.15


def face(colour: str) -> bytes:
    """Draw a face."""
    image = Image.new("RGB", (128, 128), colour)
    pen = ImageDraw.Draw(image)
    pen.ellipse((24, 24, 104, 104), fill="#f3d9b8")
    pen.ellipse((46, 52, 56, 62), fill="#2b1d15")
    pen.ellipse((72, 52, 82, 62), fill="#2b1d15")
    pen.arc((46, 60, 82, 90), 20, 160, fill="#2b1d15", width=4)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


class CharacterForm(discord.ui.Modal, title="A new character"):
    name: discord.ui.TextInput["CharacterForm"] = discord.ui.TextInput(
        label="Name", custom_id="name", max_length=40
    )
    voice: discord.ui.TextInput["CharacterForm"] = discord.ui.TextInput(
        label="How they speak", custom_id="voice", style=discord.TextStyle.paragraph, required=False
    )

    @override
    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        await interaction.response.send_message(f"**{self.name.value}** steps out of the wings.")


class Panel(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Applaud", style=discord.ButtonStyle.primary, custom_id="applaud")
    async def applaud(self, interaction: discord.Interaction, _button: discord.ui.Button["Panel"]) -> None:
        await interaction.response.edit_message(content="Applause!", view=None)

    @discord.ui.select(
        placeholder="Whose turn is it?",
        custom_id="turn",
        options=[discord.SelectOption(label=name, value=name) for name in ROSTER],
    )
    async def turn(self, interaction: discord.Interaction, select: discord.ui.Select["Panel"]) -> None:
        await interaction.response.send_message(f"{select.values[0]} takes a bow.", ephemeral=True)


class ScriptedBot(discord.Client):
    def __init__(self) -> None:
        super().__init__(intents=discord.Intents.all(), guild_ready_timeout=0.05)
        self.tree = app_commands.CommandTree(self)
        self.is_set = asyncio.Event()
        self._webhooks: dict[int, discord.Webhook] = {}
        add_commands(self.tree)

    async def on_ready(self) -> None:
        await self.tree.sync()
        self.is_set.set()

    async def on_message(self, message: discord.Message) -> None:
        called = next((name for name in ROSTER if f"@{name.lower()}" in message.content.lower()), None)
        if message.author.bot or called is None:
            return
        assert isinstance(message.channel, discord.TextChannel)
        async with message.channel.typing():
            await asyncio.sleep(0.4)
            await self.stream(message.channel, called, "Oh, you are awake at last. I kept your tea warm.")

    async def stream(self, channel: discord.TextChannel, name: str, text: str) -> None:
        """Speak as a character, three words at a time."""
        words = text.split(" ")
        shown = " ".join(words[:3])
        message = await self.speak(channel, name, shown)
        for end in range(6, len(words) + 3, 3):
            await asyncio.sleep(EDIT_PAUSE_S)
            await message.edit(content=" ".join(words[:end]))

    async def speak(self, channel: discord.TextChannel, name: str, text: str) -> discord.WebhookMessage:
        """Post under a character's name and face."""
        if channel.id not in self._webhooks:
            self._webhooks[channel.id] = await channel.create_webhook(name="Troupe", avatar=face("#444444"))
        return await self._webhooks[channel.id].send(text, username=name, wait=True)


def add_commands(tree: app_commands.CommandTree) -> None:
    """Add the commands that the stories use."""
    group = app_commands.Group(name="channel", description="Who is in this channel")

    @group.command(name="add-personality", description="Bring a character into this channel")
    @app_commands.describe(name="The character", greet="Let them say hello")
    async def add_personality(interaction: discord.Interaction, name: str, *, greet: bool = False) -> None:
        await interaction.response.defer(thinking=True, ephemeral=True)
        await asyncio.sleep(0.3)
        await interaction.followup.send(f"{name} is here{' and waves' if greet else ''}.")

    @add_personality.autocomplete("name")
    async def names(_interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [
            app_commands.Choice(name=name, value=name) for name in ROSTER if typed.lower() in name.lower()
        ]

    @tree.command(name="create", description="Write a new character")
    async def create(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(CharacterForm())

    @tree.command(name="panel", description="Direct the scene")
    async def panel(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("What now?", view=Panel())

    @tree.command(name="guide", description="What can be done here")
    async def guide(interaction: discord.Interaction, topic: str = "everything") -> None:
        await interaction.response.send_message(f"About {topic}.", ephemeral=True)

    @tree.command(name="silence", description="Never answers")
    async def silence(_interaction: discord.Interaction) -> None:
        return

    @tree.command(name="portrait", description="Show a picture")
    @app_commands.describe(picture="The picture")
    async def portrait(interaction: discord.Interaction, picture: discord.Attachment) -> None:
        await interaction.response.send_message(f"{picture.filename}, {picture.size} bytes")

    @tree.context_menu(name="Read aloud")
    async def read_aloud(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"“{message.content}”", ephemeral=True)

    tree.add_command(group)
