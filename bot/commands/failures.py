"""What a person reads when a command fails: one clear private sentence with a reference."""

import secrets
from typing import Any

import discord
from discord import app_commands
from discord.utils import MISSING
from typing_extensions import override

from bot.commands.services import Interaction
from config.errors import TroupeError
from config.logs import get_logger

log = get_logger(__name__)


class CommandRefusedError(TroupeError):
    """The command can't be done as asked; `user_message` says why and what would work."""

    def __init__(
        self,
        message: str = "",
        retryable: bool | None = None,
        retry_after: float | None = None,
        user_message: str | None = None,
    ) -> None:
        super().__init__(message, retryable, retry_after, user_message or message or None)


class AnsweringView(discord.ui.View):
    """A view whose failures are answered like those of commands."""

    @override
    async def on_error(
        self, interaction: discord.Interaction[Any], error: Exception, item: discord.ui.Item[Any]
    ) -> None:
        await answer_failure(interaction, error)


class AnsweringModal(discord.ui.Modal):
    """A form whose failures are answered like those of commands."""

    @override
    async def on_error(  # type: ignore[override] # a modal's differs from its base's, by discord.py's design
        self, interaction: discord.Interaction[Any], error: Exception, /
    ) -> None:
        await answer_failure(interaction, error)


async def answer_failure(interaction: Interaction, error: Exception) -> None:
    """Answer a failed command privately; unexpected errors are logged under the shown reference."""
    await whisper(interaction, explained(interaction, error))


def explained(interaction: Interaction, error: Exception) -> str:
    """Return what to tell the person; an unexpected error is logged under the reference in the words."""
    cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if isinstance(cause, CommandRefusedError):
        return cause.user_message
    reference = secrets.token_hex(3)
    log.error("command_failed", command=_name(interaction), reference=reference, exc_info=cause)
    words = cause.user_message if isinstance(cause, TroupeError) else TroupeError.user_message
    return f"{words}\n-# ref: {reference}"


def _name(interaction: Interaction) -> str:
    return interaction.command.qualified_name if interaction.command else interaction.type.name


async def whisper(
    interaction: Interaction,
    text: str = MISSING,
    *,
    embed: discord.Embed = MISSING,
    view: discord.ui.View = MISSING,
) -> None:
    """Answer so that only the person who asked sees it, whether or not an answer was given before."""
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text, embed=embed, view=view, ephemeral=True)
        else:
            await interaction.response.send_message(text, embed=embed, view=view, ephemeral=True)
    except discord.HTTPException as problem:
        log.warning("answer_not_shown", error=type(problem).__name__, code=problem.code)
