"""Deleting a character: the name is typed to confirm, and a button takes it back for a day."""

import re
from typing import Any
from uuid import UUID

import discord
from typing_extensions import override

from bot.commands import choices
from bot.commands.failures import AnsweringModal, CommandRefusedError, answer_failure
from bot.commands.services import Interaction, Services
from config.logs import get_logger
from storage.records import Personality

log = get_logger(__name__)


class DeletionForm(AnsweringModal):
    """Asks for the character's name, so that nobody is deleted by a slip."""

    def __init__(self, services: Services, person: Personality) -> None:
        super().__init__(title=f"Delete {person.name}?"[:45], timeout=300)
        self._services, self._person = services, person
        self._typed: discord.ui.TextInput[DeletionForm] = discord.ui.TextInput(
            label="Type the name to confirm", placeholder=person.name[:100], max_length=100
        )
        self.add_item(self._typed)

    @override
    async def on_submit(self, interaction: discord.Interaction[discord.Client]) -> None:
        person = self._person
        if self._typed.value.strip().casefold() != person.name.strip().casefold():
            raise CommandRefusedError(f"That is not the name, so **{person.name}** stays.")
        if not await self._services.stores.personalities.delete(person.id, by=interaction.user.id):
            raise CommandRefusedError(f"**{person.name}** is gone already.")
        self._services.personality_changed(person.id)
        log.info("personality_deleted", personality=str(person.id))
        view = discord.ui.View(timeout=None)
        view.add_item(UndoDelete(person.id))
        await interaction.response.send_message(
            f"**{person.name}** is gone. You can take that back for a day.", view=view, ephemeral=True
        )


class UndoDelete(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"undo-delete:(?P<id>[0-9a-f]{32})",
):
    """A button that works after a restart too, because its id says whom it restores."""

    services: Services

    def __init__(self, personality_id: UUID) -> None:
        super().__init__(
            discord.ui.Button(label="Take it back", custom_id=f"undo-delete:{personality_id.hex}")
        )
        self._personality_id = personality_id

    @classmethod
    def bound_to(cls, services: Services) -> type["UndoDelete"]:
        """Return the class to register, knowing the services it needs."""
        cls.services = services
        return cls

    @override
    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "UndoDelete":
        return cls(UUID(match["id"]))

    @override
    async def callback(self, interaction: Interaction) -> None:
        try:
            await self._restore(interaction)
        except Exception as error:  # noqa: BLE001 - discord.py would only log it, and nobody be answered
            await answer_failure(interaction, error)

    async def _restore(self, interaction: Interaction) -> None:
        personalities = self.services.stores.personalities
        if not await personalities.restore(self._personality_id):
            raise CommandRefusedError("It is too late to take that back: more than a day has passed.")
        person = await choices.chosen(self.services, interaction, str(self._personality_id))
        self.services.personality_changed(person.id)
        await interaction.response.edit_message(content=f"**{person.name}** is back.", view=None)
