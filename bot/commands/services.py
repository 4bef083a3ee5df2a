"""What the commands may use."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import discord
from discord import app_commands

from actors.models.active import ActiveModel
from actors.models.choice import ModelChoice
from actors.models.settling import ModelInUse
from storage.records import Message, Personality, Venue
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
        switch_model: lets another model speak from the next request on.
        arrived: lets a character say its first words where a message (or command) brought it in.
        owner_id: the person who runs this bot, as soon as Discord has told.
    """

    stores: Stores
    model: ActiveModel
    roster_changed: Callable[[Venue], None]
    personality_changed: Callable[[UUID], None]
    switch_model: Callable[[ModelChoice], Awaitable[ModelInUse]]
    arrived: Callable[[Personality, Message], None]
    owner_id: Callable[[], int | None]

    def is_owner(self, user_id: int) -> bool:
        """True for the person who runs this bot."""
        return user_id == self.owner_id()
