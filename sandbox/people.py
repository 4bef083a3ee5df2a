"""A person of the sandbox: what a human can do in Discord's client, with its checks."""

from collections.abc import Sequence
from typing import Any

from sandbox.errors import ActionRefusedError
from sandbox.simulator import (
    BackendError,
    Channel,
    ChannelType,
    Interaction,
    Message,
    SetupError,
    channel_accessible,
    message_accessible,
    reaction_permissions,
    serializers,
)
from sandbox.world import World

CONTENT_LIMIT = 4000
"""Characters a person with Nitro may send; bots and everyone else have 2000."""
SIMULATED_LIMIT = 2000
THREAD_NAME_LIMIT = 100
File = tuple[str, bytes]


class Person:
    """One human acting in the world.

    Every method raises `ActionRefusedError` where Discord's client would not offer the action.
    """

    def __init__(self, world: World, user_id: int) -> None:
        if user_id not in world.state.users or world.state.users[user_id].bot:
            raise ActionRefusedError("No such person", user_message="There is no such person.")
        self.world = world
        self.id = user_id

    def send(
        self, channel_id: int, content: str = "", *, files: Sequence[File] = (), reply_to: int | None = None
    ) -> dict[str, Any]:
        """Send a message, up to 4000 characters, with files, perhaps as a reply; returns its payload."""
        state = self.world.state
        with self.refusing():
            channel = self._channel(channel_id)
            self._require(channel, "send_messages_in_threads" if channel.is_thread else "send_messages")
            _check_content(content, files)
            reference = None
            if reply_to is not None:
                self.visible(channel_id, reply_to)
                wanted = {"channel_id": str(channel_id), "message_id": str(reply_to)}
                reference = state.normalize_message_reference(channel_id, wanted)
            attachments = state.store_attachments(channel_id, files)
            message = state.prepare_message(
                channel_id, self.id, content[:SIMULATED_LIMIT], reference=reference, attachments=attachments
            )
            message.content = content
            state.commit_message(message)
        return state.message_payload(message)

    def edit(self, channel_id: int, message_id: int, content: str) -> dict[str, Any]:
        """Change the text of an own message; returns its payload."""
        state = self.world.state
        with self.refusing():
            message = self.visible(channel_id, message_id)
            if message.author_id != self.id:
                raise ActionRefusedError(
                    "Not the author", user_message="You can only edit your own messages."
                )
            return state.message_payload(state.edit_message(channel_id, message_id, {"content": content}))

    def delete(self, channel_id: int, message_id: int) -> None:
        """Delete an own message, or any with the right to manage messages; dismiss an ephemeral one."""
        with self.refusing():
            message = self.visible(channel_id, message_id)
            if message.author_id != self.id and not message.is_ephemeral:
                self._require(self._channel(channel_id), "manage_messages")
            self.world.state.delete_message(channel_id, message_id)

    def react(self, channel_id: int, message_id: int, emoji: str, *, on: bool = True) -> None:
        """Add or take back a reaction; `emoji` is a unicode emoji or `name:id`."""
        with self.refusing():
            message = self.visible(channel_id, message_id)
            self._require(self._channel(channel_id), *reaction_permissions(message, emoji, reacted=on))
            self.world.state.set_reaction(channel_id, message_id, emoji, self.id, on)

    def typing(self, channel_id: int) -> None:
        """Show that this person types; the others see it for 10 s."""
        with self.refusing():
            channel = self._channel(channel_id)
            payload: dict[str, Any] = {"channel_id": str(channel_id), "user_id": str(self.id)}
            if channel.guild_id is not None:
                payload["guild_id"] = str(channel.guild_id)
            self.world.state.emit("TYPING_START", payload)

    def start_thread(self, channel_id: int, name: str, *, message_id: int | None = None) -> dict[str, Any]:
        """Start a public thread, perhaps from a message; returns the thread's payload."""
        state = self.world.state
        with self.refusing():
            channel = self._channel(channel_id)
            fits = 1 <= len(name) <= THREAD_NAME_LIMIT
            if not fits or channel.type not in (ChannelType.TEXT, ChannelType.NEWS):
                raise ActionRefusedError("No thread here", user_message="A thread cannot start here.")
            self._require(channel, "create_public_threads")
            if message_id is not None:
                self.visible(channel_id, message_id)
            thread = state.create_thread(channel_id, name, self.id, message_id=message_id)
            state.add_thread_member(thread.id, self.id)
            return dict(serializers.thread_payload(state, thread))

    def open_dm(self) -> dict[str, Any]:
        """Open the direct messages with the bot; returns the channel's payload."""
        state = self.world.state
        return dict(serializers.channel_payload(state, state.get_dm_channel(self.id)))

    @staticmethod
    def refusing() -> "Refusing":
        """Return a context in which what SimCord refuses becomes `ActionRefusedError`."""
        return Refusing()

    def visible(self, channel_id: int, message_id: int) -> Message:
        """Return a message that this person can see."""
        state = self.world.state
        message = state.get_message(channel_id, message_id)
        if not message_accessible(state, channel_id, message, self.id):
            raise ActionRefusedError("Not visible", user_message="That message is not there for you.")
        return message

    def own_interaction(self, interaction_id: int) -> Interaction:
        """Return an interaction that this person started."""
        record = self.world.state.interactions.get(interaction_id)
        if record is None or record.user_id != self.id:
            raise ActionRefusedError("No such interaction", user_message="That is no longer open.")
        return record

    def reachable(self, channel_id: int) -> Channel:
        """Return a channel that this person can see."""
        return self._channel(channel_id)

    def _channel(self, channel_id: int) -> Channel:
        channel = self.world.state.get_channel(channel_id)
        if not channel_accessible(self.world.state, channel_id, self.id):
            raise ActionRefusedError("No access", user_message="You cannot see that channel.")
        return channel

    def _require(self, channel: Channel, *permissions: str) -> None:
        self.world.state.require_permissions(channel.guild_id, self.id, channel.id, *permissions)


class Refusing:
    """Turn what SimCord refuses into words for the person."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, BackendError):
            raise ActionRefusedError(str(error), user_message=error.message) from error
        if isinstance(error, SetupError):
            raise ActionRefusedError(str(error), user_message=str(error)) from error


def _check_content(content: str, files: Sequence[File]) -> None:
    if len(content) > CONTENT_LIMIT:
        raise ActionRefusedError(
            "Too long", user_message=f"A message has at most {CONTENT_LIMIT} characters."
        )
    if not content.strip() and not files:
        raise ActionRefusedError("Empty", user_message="An empty message cannot be sent.")
    if len(files) > 10:  # noqa: PLR2004 - Discord: 10 attachments per message
        raise ActionRefusedError("Too many files", user_message="A message has at most 10 files.")
