"""What the commands may use."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import discord
from discord import app_commands

from actors.models.active import ActiveModel
from storage.records import Venue
from storage.stores import Stores

Interaction = discord.Interaction[discord.Client]
Tree = app_commands.CommandTree[discord.Client]


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the running bot that commands act on.

    Attributes:
        stores: everything kept in the database.
        model: which model answers, and how to switch it.
        roster_changed: tells a channel's actor that its company changed.
        personality_changed: tells every channel that a definition changed or is gone.
        prepare: makes ready what a character needs to speak in a channel.
        owner_id: the person who runs this bot, as soon as Discord has told.
    """

    stores: Stores
    model: ActiveModel
    roster_changed: Callable[[Venue], None]
    personality_changed: Callable[[UUID], None]
    prepare: Callable[[Venue, UUID], Awaitable[None]]
    owner_id: Callable[[], int | None]

    def is_owner(self, user_id: int) -> bool:
        """True for the person who runs this bot."""
        return user_id == self.owner_id()
