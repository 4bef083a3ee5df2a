"""`/model`: which model speaks, a test of it, and switching while running; for the bot's owner."""

from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands

from actors.models.active import ModelOption
from actors.models.choice import parse_choice
from actors.models.errors import ModelError
from actors.models.settling import ModelInUse
from actors.models.trial import TestReport
from bot.commands.failures import AnsweringView, CommandRefusedError, whisper
from bot.commands.services import Interaction, Services

MOST_OPTIONS = 25
LONGEST_LABEL = 100


def model_command(services: Services) -> app_commands.Command[Any, ..., None]:
    """Return the command that shows the model, with a button to test it and a menu to switch."""

    async def show(interaction: Interaction) -> None:
        if not services.is_owner(interaction.user.id):
            raise CommandRefusedError("Only the person who runs this bot can see and change its model.")
        await interaction.response.defer(ephemeral=True, thinking=True)
        panel = ModelPanel(services, await services.model.options())
        await whisper(interaction, embed=model_card(services.model.describe()), view=panel)

    description = "Which model speaks; test it or switch it"
    return app_commands.Command(name="model", description=description, callback=show)


class ModelPanel(AnsweringView):
    """The button and the menu under the card."""

    def __init__(self, services: Services, options: Sequence[ModelOption]) -> None:
        super().__init__(timeout=900)
        self._services = services
        entries = [_entry(option) for option in options if _fits(option)]
        del entries[MOST_OPTIONS - 1 : -1]  # the last one, the embedded model, is always there to go back to
        self._menu: discord.ui.Select[ModelPanel] = discord.ui.Select(
            placeholder="Switch to", options=entries
        )
        self._menu.callback = self._switch  # type: ignore[method-assign] # how discord.py wants it
        self.add_item(self._menu)

    @discord.ui.button(label="Test it", style=discord.ButtonStyle.primary)
    async def test(self, interaction: Interaction, _button: discord.ui.Button["ModelPanel"]) -> None:
        """Ask the model for one sentence and tell how long it took."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await whisper(interaction, test_result(await self._services.model.test()))

    async def _switch(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        try:
            use = await self._services.switch_model(parse_choice(self._menu.values[0]))
        except ModelError as error:
            await whisper(interaction, f"That did not work, so nothing changed: {error}")
            return
        await interaction.edit_original_response(embed=model_card(use), view=self)


def _fits(option: ModelOption) -> bool:
    return len(str(option.choice)) <= LONGEST_LABEL


def _entry(option: ModelOption) -> discord.SelectOption:
    return discord.SelectOption(label=option.label[:LONGEST_LABEL], value=str(option.choice))


def model_card(use: ModelInUse) -> discord.Embed:
    """Describe the model in use, with the ways to a real one where it is the demonstration."""
    card = discord.Embed(title=use.name or "A model server", description=f"In use because {use.reason}.")
    if use.base_url:
        card.add_field(name="Server", value=use.base_url, inline=False)
    if use.problem:
        card.add_field(name="It does not answer", value=use.problem[:1000], inline=False)
    if use.fallbacks:
        card.add_field(name="If it fails", value=", then ".join(use.fallbacks)[:1000], inline=False)
    if use.standing != use.name:
        card.add_field(name="Right now", value=use.standing[:1000], inline=False)
    if use.is_demonstration:
        ways = "\n".join(f"• {way}" for way in use.ways)
        card.add_field(
            name="This is a demonstration model",
            value=f"It is small and talks lively nonsense. Ways to a real one:\n{ways}",
            inline=False,
        )
    return card


def model_line(use: ModelInUse) -> str:
    """Say in a line or two which model speaks, and if it is the demonstration, what to do about it."""
    if use.problem:
        help_ = "`troupe doctor` or /model can mend it."
        return f"  Model: none yet. {use.reason}, but: {use.problem}\n  {help_}"
    if not use.is_demonstration:
        return f"  Model: {use.name}, because {use.reason}."
    ways = "\n".join(f"    - {way}" for way in use.ways)
    return f"  Model: {use.name}, a small demonstration model. For a real one:\n{ways}"


def test_result(report: TestReport) -> str:
    """Say how a test went."""
    if not report.ok:
        return f"It did not answer: {report.problem}"
    words = report.text.replace("\n", " ")[:1500]
    pace = f"after {report.first_token_s or 0:.2f} s at {report.tokens_per_s or 0:.0f} tokens/s"
    return f"It answered {pace}:\n> {words}"
