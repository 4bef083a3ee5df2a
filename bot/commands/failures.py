"""What a person reads when a command fails: one clear private sentence with a reference."""

import secrets

import discord
from discord import app_commands
from discord.utils import MISSING

from bot.commands.services import Interaction
from config.errors import TroupeError
from config.logs import get_logger

log = get_logger(__name__)


class CommandRefusedError(TroupeError):
    """The command can't be done as asked; `user_message` says why and what would work."""

    def __init__(self, why: str) -> None:
        super().__init__(why, None, None, why)


async def answer_failure(interaction: Interaction, error: Exception) -> None:
    """Answer a failed command privately; unexpected errors are logged under the shown reference."""
    cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if isinstance(cause, CommandRefusedError):
        await whisper(interaction, cause.user_message)
        return
    reference = secrets.token_hex(3)
    log.error("command_failed", command=_name(interaction), reference=reference, exc_info=cause)
    words = cause.user_message if isinstance(cause, TroupeError) else TroupeError.user_message
    await whisper(interaction, f"{words}\n-# ref: {reference}")


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
