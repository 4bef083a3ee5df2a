"""Reads the world for the page: messages, people, characters, channels, commands."""

from collections.abc import Mapping
from typing import Any

import msgspec

from sandbox.page import wire
from sandbox.simulator import AppCommandType, ChannelType, Message, channel_accessible, serializers
from sandbox.world import World

HISTORY_LIMIT = 100
"""Messages per page of history, as on Discord."""
SHOWN_CHANNELS = frozenset(
    {
        ChannelType.TEXT,
        ChannelType.NEWS,
        ChannelType.DM,
        ChannelType.PUBLIC_THREAD,
        ChannelType.PRIVATE_THREAD,
    }
)


class Reader:
    """What the page shows of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._state = world.state

    def message(self, payload: Mapping[str, Any]) -> wire.Message:
        """Read a message payload; files of this server get addresses without its host."""
        shown = dict(payload)
        shown["reactions"] = []
        shown["referenced_message"] = None
        message = msgspec.convert(shown, wire.Message)
        message.reactions = self.reactions(int(message.channel_id), int(message.id))
        base = self._world.assets.base_url
        for attachment in message.attachments:
            attachment.url = attachment.url.removeprefix(base)
        referenced = payload.get("referenced_message")
        if referenced is not None:
            message.referenced_message = self.message({**referenced, "referenced_message": None})
        return message

    def reactions(self, channel_id: int, message_id: int) -> list[wire.Reaction]:
        """Return the reactions of a message with the people behind them."""
        stored = self._state.messages.get(channel_id, {}).get(message_id)
        if stored is None:
            return []
        return [
            wire.Reaction(
                emoji=msgspec.convert(serializers.emoji_payload(reaction.emoji), wire.Emoji),
                user_ids=[str(user_id) for user_id in reaction.user_ids],
            )
            for reaction in stored.reactions
            if reaction.user_ids
        ]

    def history(self, user_id: int, channel_id: int, *, before: int | None, limit: int) -> list[wire.Message]:
        """Return a page of a channel as one person sees it, newest last."""
        if not channel_accessible(self._state, channel_id, user_id, history=True):
            return []
        stored = [
            message
            for message in self._state.messages.get(channel_id, {}).values()
            if (before is None or message.id < before) and message.visible_to(user_id)
        ]
        stored.sort(key=lambda message: message.id)
        wanted = stored[-min(max(limit, 1), HISTORY_LIMIT) :]
        return [self.message(self._state.message_payload(message, for_user=user_id)) for message in wanted]

    def member(self, user_id: int) -> wire.User:
        """Return a member under the name that the server shows."""
        user = msgspec.convert(self._world.user_payload(user_id), wire.User)
        member = self._state.guilds[self._world.guild_id].members.get(user_id)
        if member is not None and member.nick:
            user.global_name = member.nick
        return user

    def snapshot(self, user_id: int, *, seq: int, epoch: str) -> wire.Snapshot:
        """Return all but the messages, as one person sees it."""
        guild = self._state.guilds[self._world.guild_id]
        return wire.Snapshot(
            seq=seq,
            epoch=epoch,
            me=self.member(user_id),
            guild=guild.name,
            bot=self.member(self._world.bot_id),
            channels=self._channels(user_id),
            members=[self.member(member_id) for member_id in guild.members],
            roles=[
                wire.Role(id=str(role.id), name=role.name.removeprefix("@")) for role in guild.roles.values()
            ],
            characters=self.characters(user_id),
        )

    def characters(self, user_id: int) -> list[wire.Character]:
        """Return the names that webhooks spoke under, the latest speaker first."""
        found: dict[str, wire.Character] = {}
        for message in self._spoken_by_webhooks(user_id):
            name = message.author_name or ""
            if name not in found:
                author = msgspec.convert(self._state.message_payload(message)["author"], wire.User)
                found[name] = wire.Character(name=name, author=author, channel_ids=[])
            if str(message.channel_id) not in found[name].channel_ids:
                found[name].channel_ids.append(str(message.channel_id))
        return list(found.values())

    def channel_payload(self, channel_id: int) -> dict[str, Any]:
        """Return a channel as Discord writes it."""
        return self._world.channel_payload(channel_id)

    def commands(self, user_id: int, channel_id: int) -> list[dict[str, Any]]:
        """Return slash commands and commands on messages, as Discord writes them."""
        if not channel_accessible(self._state, channel_id, user_id):
            return []
        kinds = (AppCommandType.CHAT_INPUT, AppCommandType.MESSAGE)
        return [
            command
            for kind in kinds
            for command in self._state.visible_commands(user_id=user_id, channel_id=channel_id, type=kind)
        ]

    def _spoken_by_webhooks(self, user_id: int) -> list[Message]:
        spoken = [
            message
            for channel_id, messages in self._state.messages.items()
            if channel_accessible(self._state, channel_id, user_id)
            for message in messages.values()
            if message.webhook_id is not None and message.author_name is not None
        ]
        return sorted(spoken, key=lambda message: message.id, reverse=True)

    def _channels(self, user_id: int) -> list[wire.Channel]:
        return [
            msgspec.convert(serializers.channel_payload(self._state, channel), wire.Channel)
            for channel in self._state.channels.values()
            if channel.type in SHOWN_CHANNELS and channel_accessible(self._state, channel.id, user_id)
        ]
