"""The first night in the local Discord: two characters come on stage, and the bot says how they speak."""

from collections.abc import Sequence

import discord

from actors.channel.company import Company
from actors.models.settling import ModelInUse
from bot.extract import extract, venue_of
from config.logs import get_logger
from storage.records import Personality
from storage.stores import Stores

log = get_logger(__name__)

SCOPE, KEY = "global", "first_night"
STAGE = "stage"
CAST = 2


async def prepare(
    client: discord.Client, stores: Stores, company: Company, cast: Sequence[Personality], use: ModelInUse
) -> None:
    """Put two characters into #stage, once in the life of a database; who is removed later stays away."""
    channel = next((one for one in client.get_all_channels() if one.name == STAGE), None)
    if not isinstance(channel, discord.TextChannel) or await stores.settings.get(SCOPE, KEY, bool):
        return
    for person in cast[:CAST]:
        await stores.rosters.add(channel.id, person.id)
    await stores.settings.set(SCOPE, KEY, value=True)
    company.roster_changed(venue_of(channel).channel_id)
    welcome = extract(await channel.send(_welcome(cast[:CAST], use)))
    for person in cast[:CAST]:
        company.greet(person, welcome)
    log.info("first_night_prepared", channel=channel.id)


def _welcome(cast: Sequence[Personality], use: ModelInUse) -> str:
    names = " and ".join(f"**{person.name}**" for person in cast)
    first = cast[0].name if cast else "Name"
    words = (
        f"{names} live here. Say `@{first} hello`, reply to what they say, or just talk. `/help` shows more."
    )
    if not use.is_demonstration:
        return words
    ways = "\n".join(f"-# • {way}" for way in use.ways)
    return (
        f"{words}\n-# What speaks for them is a small demonstration model, good for lively nonsense."
        f" It costs nothing and never leaves this machine. For a real one:\n{ways}"
    )
