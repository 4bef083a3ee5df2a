"""`/channel`: who lives in this channel."""

from collections.abc import Sequence

import discord
from discord import app_commands

from bot.commands import choices
from bot.commands.failures import CommandRefusedError, whisper
from bot.commands.services import Interaction, Services
from bot.extract import venue_of
from config.logs import get_logger
from storage.records import Author, Message, Personality, Venue

log = get_logger(__name__)

MOST_LISTED = 9
"""Nine of the longest names fill the 2000 characters of a message."""
NOBODY = "Nobody lives here yet. `/channel add-personality` brings somebody in."


class ChannelCommands(app_commands.Group):
    """The roster of a channel."""

    def __init__(self, services: Services) -> None:
        super().__init__(name="channel", description="Who lives in this channel")
        self._services = services

    @app_commands.command(name="add-personality", description="Bring a character into this channel")
    @app_commands.describe(personality="Who shall come")
    async def add_personality(self, interaction: Interaction, personality: str) -> None:
        """Put a character on the roster and say so to everyone."""
        venue = _venue_to_change(interaction)
        person = await choices.chosen(self._services, interaction, personality)
        if not await self._services.stores.rosters.add(
            venue.channel_id, person.id, added_by=interaction.user.id
        ):
            raise CommandRefusedError(f"**{person.name}** is already here.")
        log.info("roster_grew", channel=venue.channel_id, personality=str(person.id))
        self._services.roster_changed(venue)
        await interaction.response.send_message(_welcome(person))
        self._services.arrived(person, _invitation(interaction, venue, person))

    @app_commands.command(name="remove-personality", description="Let a character leave this channel")
    @app_commands.describe(personality="Who shall leave")
    async def remove_personality(self, interaction: Interaction, personality: str) -> None:
        """Take a character off the roster."""
        venue = _venue_to_change(interaction)
        person = await choices.chosen_present(self._services, interaction, personality)
        await self._services.stores.rosters.remove(venue.channel_id, person.id)
        log.info("roster_shrank", channel=venue.channel_id, personality=str(person.id))
        self._services.roster_changed(venue)
        await interaction.response.send_message(
            f"**{person.name}** has left, and comes only when called by name."
            " `/channel add-personality` brings them back."
        )

    @app_commands.command(name="personalities", description="See who lives in this channel")
    async def personalities(self, interaction: Interaction) -> None:
        """List the roster, only to the person who asks."""
        people = await self._services.stores.rosters.of(interaction.channel_id or 0)
        await whisper(interaction, _company(people) if people else NOBODY)

    @add_personality.autocomplete("personality")
    async def _suggest_anyone(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        return await choices.absent(self._services, interaction, typed)

    @remove_personality.autocomplete("personality")
    async def _suggest_present(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        return await choices.present(self._services, interaction, typed)


def _company(people: Sequence[Personality]) -> str:
    lines = [f"**{person.name}** — say `@{person.name}` to address them" for person in people[:MOST_LISTED]]
    if more := len(people) - len(lines):
        lines.append(f"… and {more} more")
    return "\n".join(lines)


def _invitation(interaction: Interaction, venue: Venue, person: Personality) -> Message:
    """The command as the message that the character's first words answer."""
    return Message(
        id=interaction.id,
        venue=venue,
        author=Author(id=interaction.user.id, name=interaction.user.display_name),
        text=f"{person.name} comes in.",
        created_at=interaction.created_at,
    )


def _welcome(person: Personality) -> str:
    return f"**{person.name}** is here now. Say `@{person.name} hello`, or just talk."


def _venue_to_change(interaction: Interaction) -> Venue:
    """Return the channel, if the person may say who lives in it."""
    channel = interaction.channel
    if channel is None or isinstance(channel, discord.ForumChannel | discord.CategoryChannel):
        raise CommandRefusedError("This works in a channel only.")
    if interaction.guild_id is not None and not interaction.permissions.manage_messages:
        raise CommandRefusedError("You need the *Manage Messages* permission here to change who lives here.")
    return venue_of(channel)
