"""`/character`: write, read, change and delete characters."""

from uuid import uuid4

import discord
import msgspec
from discord import app_commands

from bot.commands import choices
from bot.commands.browse import Browser
from bot.commands.deletion import DeletionForm
from bot.commands.faces import face_from
from bot.commands.failures import CommandRefusedError
from bot.commands.form import CharacterFields, CharacterForm, slug_of
from bot.commands.portrait import portrait
from bot.commands.services import Interaction, Services
from storage.records import Personality
from storage.stores.personalities import NameTakenError


class CharacterCommands(app_commands.Group):
    """The characters themselves, wherever they live."""

    def __init__(self, services: Services) -> None:
        super().__init__(name="character", description="Write, read, change and delete characters")
        self._services = services

    @app_commands.command(name="create", description="Write a new character in a form")
    @app_commands.describe(picture="Their face: PNG, JPEG, WebP or GIF, at most 10 MB")
    async def create(self, interaction: Interaction, picture: discord.Attachment | None = None) -> None:
        """Open the empty form."""

        async def submitted(answer: Interaction, fields: CharacterFields) -> None:
            await self._create(answer, fields, picture)

        await interaction.response.send_modal(CharacterForm("A new character", submitted))

    @app_commands.command(name="edit", description="Change a character of yours in the form")
    @app_commands.describe(character="Whom to change", picture="A new face, if you like")
    async def edit(
        self, interaction: Interaction, character: str, picture: discord.Attachment | None = None
    ) -> None:
        """Open the form filled with what the character is now."""
        person = await self._own(interaction, character)

        async def submitted(answer: Interaction, fields: CharacterFields) -> None:
            await self._edit(answer, person, fields, picture)

        form = CharacterForm(f"Change {person.name}", submitted, CharacterFields.of(person))
        await interaction.response.send_modal(form)

    @app_commands.command(name="browse", description="See all characters that you may meet")
    @app_commands.describe(query="Only names that contain this")
    async def browse(self, interaction: Interaction, query: str = "") -> None:
        """Show a list that can be turned page by page."""
        await Browser(self._services, interaction.user.id, query).show(interaction)

    @app_commands.command(name="view", description="See who a character is")
    @app_commands.describe(character="Whom to see")
    async def view(self, interaction: Interaction, character: str) -> None:
        """Show a character's definition privately."""
        person = await choices.chosen(self._services, interaction, character)
        await portrait(self._services, interaction, person)

    @app_commands.command(name="delete", description="Delete a character of yours; can be undone for a day")
    @app_commands.describe(character="Whom to delete")
    async def delete(self, interaction: Interaction, character: str) -> None:
        """Ask to type the name before anything is deleted."""
        person = await self._own(interaction, character)
        await interaction.response.send_modal(DeletionForm(self._services, person))

    @edit.autocomplete("character")
    @delete.autocomplete("character")
    async def _suggest_own(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        return await choices.own(self._services, interaction, typed)

    @view.autocomplete("character")
    async def _suggest_visible(self, interaction: Interaction, typed: str) -> list[choices.Choice]:
        return await choices.visible(self._services, interaction, typed)

    async def _own(self, interaction: Interaction, value: str) -> Personality:
        person = await choices.chosen(self._services, interaction, value)
        if not choices.may_change(self._services, interaction, person):
            raise CommandRefusedError(f"**{person.name}** belongs to somebody else.")
        return person

    async def _create(
        self, answer: Interaction, fields: CharacterFields, picture: discord.Attachment | None
    ) -> None:
        await answer.response.defer(ephemeral=True, thinking=True)
        face_hash, problem = await self._kept(picture)
        person = Personality(
            id=uuid4(),
            name=fields.name,
            slug=slug_of(fields.name),
            owner_id=answer.user.id,
            who=fields.who,
            speech=fields.speech,
            first_message=fields.first_message,
            face_hash=face_hash,
        )
        person = await self._with_free_slug(person)
        note = f"Written. `/channel add-personality` brings {person.name} in."
        await portrait(self._services, answer, person, note + problem)

    async def _edit(
        self,
        answer: Interaction,
        person: Personality,
        fields: CharacterFields,
        picture: discord.Attachment | None,
    ) -> None:
        await answer.response.defer(ephemeral=True, thinking=True)
        face_hash, problem = await self._kept(picture)
        changed = msgspec.structs.replace(
            person,
            name=fields.name,
            who=fields.who,
            speech=fields.speech,
            first_message=fields.first_message,
            face_hash=face_hash or person.face_hash,
        )
        if not await self._services.stores.personalities.update(changed):
            raise CommandRefusedError(f"**{person.name}** has been deleted meanwhile.")
        self._services.personality_changed(person.id)
        await portrait(self._services, answer, changed, "Changed, from the next reply on." + problem)

    async def _kept(self, picture: discord.Attachment | None) -> tuple[str | None, str]:
        """Return the hash of the face, and what to say if the picture is no use: the words count anyway."""
        if picture is None:
            return None, ""
        try:
            return await self._services.stores.faces.put(await face_from(picture)), ""
        except CommandRefusedError as refusal:
            return None, f"\n{refusal.user_message} `/character edit` takes another."

    async def _with_free_slug(self, person: Personality) -> Personality:
        """Create `person`; a handle that is taken gets a few letters of the id."""
        try:
            await self._services.stores.personalities.create(person)
        except NameTakenError:
            person = msgspec.structs.replace(person, slug=f"{person.slug[:41]}-{person.id.hex[:8]}")
            await self._services.stores.personalities.create(person)
        return person
