"""Autocomplete for characters: by name, within Discord's 25 choices, telling namesakes apart."""

from collections.abc import Sequence
from uuid import UUID

from discord import app_commands

from bot.commands.failures import CommandRefusedError
from bot.commands.services import Interaction, Services
from storage.records import Personality

MOST_CHOICES = 25
LONGEST_LABEL = 100

Choice = app_commands.Choice[str]


def choices(people: Sequence[Personality], typed: str) -> list[Choice]:
    """Offer those whose name or handle holds what was typed; names that begin with it come first."""
    typed = typed.casefold().strip()
    fitting = [person for person in people if typed in person.name.casefold() or typed in person.slug]
    fitting.sort(key=lambda person: (not person.name.casefold().startswith(typed), person.name.casefold()))
    names = [person.name for person in fitting]
    return [
        app_commands.Choice(name=_label(person, names.count(person.name) > 1), value=str(person.id))
        for person in fitting[:MOST_CHOICES]
    ]


def _label(person: Personality, has_namesake: bool) -> str:
    label = f"{person.name} ({person.slug})" if has_namesake else person.name
    return label[:LONGEST_LABEL]


async def visible(services: Services, interaction: Interaction, typed: str) -> list[Choice]:
    """Every character that the person may see."""
    people = await services.stores.personalities.visible(interaction.user.id, typed.strip(), MOST_CHOICES, 0)
    return choices(people, typed)


async def absent(services: Services, interaction: Interaction, typed: str) -> list[Choice]:
    """Every character that the person may see and that is not in this channel."""
    here = {person.id for person in await services.stores.rosters.of(interaction.channel_id or 0)}
    people = await services.stores.personalities.visible(
        interaction.user.id, typed.strip(), MOST_CHOICES + len(here), 0
    )
    return choices([person for person in people if person.id not in here], typed)


async def own(services: Services, interaction: Interaction, typed: str) -> list[Choice]:
    """Every character that the person may change."""
    owner_id = None if services.is_owner(interaction.user.id) else interaction.user.id
    people = await services.stores.personalities.owned(owner_id, typed.strip(), MOST_CHOICES)
    return choices(people, typed)


async def present(services: Services, interaction: Interaction, typed: str) -> list[Choice]:
    """Every character in this channel."""
    if interaction.channel_id is None:
        return []
    return choices(await services.stores.rosters.of(interaction.channel_id), typed)


async def chosen(services: Services, interaction: Interaction, value: str) -> Personality:
    """Return the character that was picked from the list, or typed by name.

    Raises:
        CommandRefusedError: there is none that this person may see.
    """
    value = value.strip()
    person = await _by_id(services, value) or await services.stores.personalities.find(
        value, interaction.user.id
    )
    if person is None or not may_see(services, interaction, person):
        raise CommandRefusedError(f"I know nobody called “{value[:80]}”. `/character browse` lists everyone.")
    return person


async def chosen_present(services: Services, interaction: Interaction, value: str) -> Personality:
    """Return the character of this channel that was picked from the list, or typed by name.

    Raises:
        CommandRefusedError: there is none here.
    """
    wanted = value.strip().casefold()
    for person in await services.stores.rosters.of(interaction.channel_id or 0):
        if wanted in {str(person.id), person.name.casefold(), person.slug}:
            return person
    raise CommandRefusedError(f"“{value[:80]}” is not here. `/channel personalities` lists who is.")


async def _by_id(services: Services, value: str) -> Personality | None:
    try:
        return await services.stores.personalities.get(UUID(value))
    except ValueError:
        return None


def may_see(services: Services, interaction: Interaction, person: Personality) -> bool:
    """Public characters are seen by all, private ones by their owner and the bot's."""
    return person.is_public or may_change(services, interaction, person)


def may_change(services: Services, interaction: Interaction, person: Personality) -> bool:
    """A character is changed by its owner and by the bot's owner."""
    return person.owner_id == interaction.user.id or services.is_owner(interaction.user.id)
