"""A character shown to a person: name, definition, face."""

import io

import discord

from bot.commands.services import Interaction, Services
from storage.records import Personality

LONGEST_SHOWN = 1000


async def portrait(
    services: Services, interaction: Interaction, person: Personality, note: str | None = None
) -> None:
    """Show `person` privately, under an optional line of our own."""
    embed = discord.Embed(title=person.name, description=_short(person.who) or None)
    for label, text in (("How they speak", person.speech), ("First message", person.first_message)):
        if text:
            embed.add_field(name=label, value=_short(text), inline=False)
    embed.set_footer(text=f"{person.slug} · {'public' if person.is_public else 'private'}")
    face = await services.stores.faces.get(person.face_hash) if person.face_hash else None
    files: list[discord.File] = []
    if face is not None:
        embed.set_thumbnail(url="attachment://face.png")
        files.append(discord.File(io.BytesIO(face), "face.png"))
    if interaction.response.is_done():
        await interaction.followup.send(note or "", embed=embed, files=files, ephemeral=True)
    else:
        await interaction.response.send_message(note, embed=embed, files=files, ephemeral=True)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
