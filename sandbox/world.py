"""The world of the sandbox: a guild with channels and people, the bot, and everything they said."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from sandbox.assets import Asset, Assets
from sandbox.simulator import Channel, Interaction, RealClock, ResponseKind, SeedClock, serializers
from sandbox.state import INTERACTION_ANSWERED, DiscordState

ANSWER_DEADLINE_S = 3.0
"""A bot must answer an interaction within 3 s (Discord: interactions, receiving and responding)."""

Listener = Callable[[str, Mapping[str, Any]], None]


class PersonSeed(msgspec.Struct, frozen=True):
    """A human of the first run: account name and the name that is shown."""

    username: str
    name: str


class Seed(msgspec.Struct, frozen=True, kw_only=True):
    """What the first run creates. The first person owns the guild and the application."""

    guild: str = "Troupe"
    channels: tuple[str, ...] = ("stage", "backstage")
    people: tuple[PersonSeed, ...] = (PersonSeed("ada", "Ada"), PersonSeed("bjorn", "Björn"))
    bot: str = "Troupe"


class World:
    """State, files and the listeners to what happens; act in it through `sandbox.people.Person`.

    Attributes:
        state: the truth, with Discord's semantics.
        assets: attachments and avatars.
        load_asset: reads a file that is no longer in memory from where the world is saved, if it is.
        gaps: requests that the sandbox could not serve because SimCord lacks them; tests fail on any.
    """

    def __init__(self, state: DiscordState, assets: Assets) -> None:
        self.state = state
        self.assets = assets
        self.gaps: list[str] = []
        self.load_asset: Callable[[str], Awaitable[Asset | None]] | None = None
        self._waiting: dict[int, asyncio.Future[None]] = {}
        state.cdn = assets

    @classmethod
    def fresh(cls, seed: Seed | None = None) -> "World":
        """Create a world in memory. The same seed gives the same ids on every machine."""
        seed = seed or Seed()
        clock = SeedClock()
        state = DiscordState(clock)
        state.bot_user.name = seed.bot
        people = [state.make_user(p.username, global_name=p.name) for p in seed.people]
        guild = state.create_guild(seed.guild, owner_id=people[0].id)
        for person in people[1:]:
            state.add_member(guild.id, person.id)
        for name in seed.channels:
            state.create_channel(guild.id, name)
        guild.system_channel_id = None
        state.clock = RealClock()
        return cls(state, Assets())

    # Names for what every caller needs.

    @property
    def bot_id(self) -> int:
        """The bot's user id."""
        return self.state.bot_user.id

    @property
    def application_id(self) -> int:
        """The bot's application id."""
        return self.state.application_id

    @property
    def guild_id(self) -> int:
        """The first guild's id."""
        return next(iter(self.state.guilds))

    @property
    def owner_id(self) -> int:
        """The id of the person who owns the guild and the application."""
        return self.state.guilds[self.guild_id].owner_id

    @property
    def people(self) -> list[int]:
        """The ids of the humans, the owner first."""
        members = self.state.guilds[self.guild_id].members
        humans = [uid for uid in members if not self.state.users[uid].bot]
        return sorted(humans, key=lambda uid: (uid != self.owner_id, uid))

    def channel(self, name: str) -> int:
        """Return the id of the first guild's channel with this name; KeyError if there is none."""
        for channel_id in self.state.guilds[self.guild_id].channel_ids:
            if self.state.channels[channel_id].name == name:
                return channel_id
        raise KeyError(name)

    def create_channel(self, name: str, *, guild_id: int | None = None) -> Channel:
        """Add a text channel to a guild; the gateway announces it."""
        return self.state.create_channel(guild_id or self.guild_id, name)

    def add_person(self, username: str, name: str) -> int:
        """Add a human to the first guild and return their id; the gateway announces them."""
        person = self.state.make_user(username, global_name=name)
        self.state.add_member(self.guild_id, person.id, announce=True)
        return person.id

    # Reading, as payloads that Discord would send.

    def messages(
        self, channel_id: int, *, limit: int = 50, before: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the newest messages of a channel, newest last; ephemeral ones are left out."""
        stored = [
            message
            for message in self.state.messages.get(channel_id, {}).values()
            if not message.is_ephemeral and (before is None or message.id < before)
        ]
        stored.sort(key=lambda message: message.id)
        return [self.state.message_payload(message) for message in stored[-limit:]]

    def channel_payload(self, channel_id: int) -> dict[str, Any]:
        """Return a channel's payload."""
        return dict(serializers.channel_payload(self.state, self.state.get_channel(channel_id)))

    def guild_payload(self, guild_id: int) -> dict[str, Any]:
        """Return what GUILD_CREATE carries."""
        return dict(serializers.guild_create_payload(self.state, self.state.get_guild(guild_id)))

    def user_payload(self, user_id: int) -> dict[str, Any]:
        """Return a user's payload."""
        return dict(serializers.user_payload(self.state.get_user(user_id)))

    # What happens.

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(event, payload)` for everything that happens; returns a function that ends it.

        The call is synchronous and the payload shares parts with the state: serialise it at once and
        change nothing. Beside Discord's events come those of `sandbox.state` that start with `SANDBOX_`:
        messages only one person sees, and answers to interactions.
        """
        self.state.subscribers.append(listener)
        return lambda: self.state.subscribers.remove(listener)

    async def answer(self, record: Interaction) -> bool:
        """Wait until the bot has answered an interaction; False when its 3 s have passed."""
        if record.responded:
            return True
        waiter = self._waiting.setdefault(record.id, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                await asyncio.shield(waiter)
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(record.id, None)
        return True

    def note_answer(self, interaction_id: int) -> None:
        """Tell who waits, and the page, that the bot answered an interaction."""
        record = self.state.interactions.get(interaction_id)
        if record is None or not record.responded:
            return
        waiter = self._waiting.get(interaction_id)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        self.state.emit(INTERACTION_ANSWERED, answer_payload(record))


def answer_payload(record: Interaction) -> dict[str, Any]:
    """Describe how the bot answered, for the person who started the interaction.

    `kind` is one of message, deferred, deferred_update, update, modal, autocomplete, or None while open.
    """
    kind = record.response_kind
    return {
        "id": str(record.id),
        "user_id": str(record.user_id),
        "channel_id": str(record.channel_id),
        "kind": kind.value if kind is not None else None,
        "ephemeral": record.ephemeral,
        "message_id": str(record.message_id) if record.message_id else None,
        "modal": record.modal if kind is ResponseKind.MODAL else None,
        "choices": record.autocomplete_choices,
    }
