"""Who is addressed by a message: the character it replies to, then every `@Name`, in textual order."""

from collections.abc import Sequence
from uuid import UUID

from actors.channel.ports import ChannelPorts, Name
from actors.channel.window import Window
from actors.floor.mentions import find_mentions, fold, resolve
from storage.records import Message, Personality


async def find_addressed(
    message: Message, window: Window, roster: Sequence[Personality], ports: ChannelPorts
) -> tuple[Personality, ...]:
    """Return who is addressed. Beyond the roster only those whom the author may see can be called."""
    present = {person.id: person for person in roster}
    called = [*await _replied_to(message, window, ports), *await _mentioned(message, roster, ports)]
    found = [
        present.get(who) or await _visible(who, message.author.id, ports) for who in dict.fromkeys(called)
    ]
    return tuple(person for person in found if person is not None)


async def _replied_to(message: Message, window: Window, ports: ChannelPorts) -> tuple[UUID, ...]:
    if message.reply_to is None:
        return ()
    original = window.get(message.reply_to) or await ports.messages.get(message.reply_to)
    if original is not None and original.personality_id is not None:
        return (original.personality_id,)
    delivered = await ports.deliveries.by_message(message.reply_to)
    return () if delivered is None else (delivered[0],)


async def _mentioned(
    message: Message, roster: Sequence[Personality], ports: ChannelPorts
) -> tuple[UUID, ...]:
    """Resolve each `@` among those present first, then among all whom the author may call."""
    mentions = find_mentions(message.text)
    present = _names(roster)
    if all(any(name in present for name in candidates) for candidates in mentions):
        return resolve(mentions, present)
    everyone = _names(await ports.personalities.directory(message.author.id))
    chosen = (resolve([candidates], present) or resolve([candidates], everyone) for candidates in mentions)
    return tuple(dict.fromkeys(who for found in chosen for who in found))


async def _visible(who: UUID, viewer_id: int, ports: ChannelPorts) -> Personality | None:
    """A reply to a private character's message must not open it to strangers."""
    person = await ports.personalities.get(who)
    return person if person and (person.is_public or person.owner_id == viewer_id) else None


def _names(people: Sequence[Name]) -> dict[str, UUID]:
    """Names and handles; a name beats a handle, the first of a kind beats later ones."""
    by_slug = {fold(person.slug): person.id for person in reversed(people)}
    by_name = {fold(person.name): person.id for person in reversed(people)}
    return by_slug | by_name
