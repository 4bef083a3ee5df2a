"""`/help`: what one can do here, on one screen."""

from typing import Any

from discord import app_commands

from bot.commands.failures import whisper
from bot.commands.services import Interaction

GUIDE = """\
**Talk** — write `@Name hello` to address a character, or reply to something they said. Where characters \
live, just talk: whoever would naturally speak answers.
**Bring them in** — `/channel add-personality`, `/channel remove-personality`, `/channel personalities`
**Write your own** — `/character create` opens a form; attach a picture for a face.
**Change, see, find, delete** — `/character edit`, `view`, `browse`, `delete` (can be undone for a day)
**The model behind them** — `/model` (for whoever runs this bot)"""


async def _show(interaction: Interaction) -> None:
    await whisper(interaction, GUIDE)


help_command: app_commands.Command[Any, ..., None] = app_commands.Command(
    name="help", description="What you can do here", callback=_show
)
"""Shows the guide privately."""
