"""Incoming webhooks: avatars, per-message names and faces, threads, `wait`, and the refusals of Discord."""

from typing import Any

from sandbox.requests import Handler, Inquiry
from sandbox.simulator import (
    BackendError,
    Channel,
    Message,
    Webhook,
    bot_message,
    message_edit_changes,
    serializers,
)
from sandbox.state import DiscordState
from sandbox.threads import open_by_message, require_open
from sandbox.validation import (
    check_avatar_url,
    check_content,
    check_files,
    check_webhook_count,
    check_webhook_name,
    form_error,
)
from sandbox.world import World


class Webhooks:
    """Handlers of the routes under `/webhooks` that are not answers to interactions."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def routes(self) -> dict[str, Handler]:
        """Handlers by method and route template."""
        return {
            "POST /channels/{id}/webhooks": self.create,
            "GET /channels/{id}/webhooks": self.of_channel,
            "GET /guilds/{id}/webhooks": self.of_guild,
            "GET /webhooks/{id}": self.fetch,
            "GET /webhooks/{id}/{token}": self.fetch_by_token,
            "PATCH /webhooks/{id}": self.change,
            "PATCH /webhooks/{id}/{token}": self.change_by_token,
            "DELETE /webhooks/{id}": self.delete,
            "DELETE /webhooks/{id}/{token}": self.delete_by_token,
            "POST /webhooks/{id}/{token}": self.execute,
            "GET /webhooks/{id}/{token}/messages/{id}": self.fetch_message,
            "PATCH /webhooks/{id}/{token}/messages/{id}": self.edit_message,
            "DELETE /webhooks/{id}/{token}/messages/{id}": self.delete_message,
        }

    # Webhooks themselves.

    def create(self, inquiry: Inquiry) -> dict[str, Any]:
        """Create a webhook of the bot's application."""
        channel = self._managed(inquiry.call.channel_id)
        if channel.is_thread or channel.guild_id is None:
            raise BackendError(400, 50024, "Cannot execute action on this channel type")
        body = inquiry.body
        check_webhook_name(body.get("name"))
        hooks = self._state.webhooks.values()
        in_channel = sum(1 for hook in hooks if hook.channel_id == channel.id)
        check_webhook_count(in_channel, sum(1 for hook in hooks if hook.guild_id == channel.guild_id))
        webhook = self._state.create_webhook(channel.id, body["name"].strip(), self._world.bot_id)
        self._set_avatar(webhook, body)
        self._state.announce_webhooks(channel)
        return self._payload(webhook)

    def of_channel(self, inquiry: Inquiry) -> list[dict[str, Any]]:
        """List a channel's webhooks."""
        channel = self._managed(inquiry.call.channel_id)
        return [self._payload(h) for h in self._state.webhooks.values() if h.channel_id == channel.id]

    def of_guild(self, inquiry: Inquiry) -> list[dict[str, Any]]:
        """List a guild's webhooks."""
        guild_id = inquiry.snowflake(inquiry.segments[1])
        self._state.require_permissions(guild_id, self._world.bot_id, None, "manage_webhooks")
        return [self._payload(h) for h in self._state.webhooks.values() if h.guild_id == guild_id]

    def fetch(self, inquiry: Inquiry) -> dict[str, Any]:
        """Return a webhook to the bot."""
        return self._payload(self._of_bot(inquiry))

    def fetch_by_token(self, inquiry: Inquiry) -> dict[str, Any]:
        """Return a webhook to who has its token."""
        payload = self._payload(self.named(inquiry))
        del payload["user"]
        return payload

    def change(self, inquiry: Inquiry) -> dict[str, Any]:
        """Change name, avatar or channel."""
        return self._change(self._of_bot(inquiry), inquiry.body)

    def change_by_token(self, inquiry: Inquiry) -> dict[str, Any]:
        """Change name or avatar; a token cannot move a webhook."""
        payload = self._change(self.named(inquiry), {**inquiry.body, "channel_id": None})
        del payload["user"]
        return payload

    def delete(self, inquiry: Inquiry) -> None:
        """Delete a webhook as the bot."""
        self._state.delete_webhook(self._of_bot(inquiry).id)

    def delete_by_token(self, inquiry: Inquiry) -> None:
        """Delete a webhook by its token."""
        self._state.delete_webhook(self.named(inquiry).id)

    # Messages of webhooks.

    def execute(self, inquiry: Inquiry) -> dict[str, Any] | None:
        """Post a message under the webhook's or the message's own name and face."""
        webhook = self.named(inquiry)
        channel = self._destination(webhook, inquiry)
        body = dict(inquiry.body)
        check_content(body)
        check_files(inquiry.files)
        username, avatar_url = body.pop("username", None), body.pop("avatar_url", None)
        if username is not None:
            check_webhook_name(username, "username")
        if avatar_url:
            check_avatar_url(avatar_url)
        open_by_message(self._state, channel)
        message = bot_message(
            inquiry.context(self._state),
            channel.id,
            author_id=webhook.webhook_user_id,
            webhook_id=webhook.id,
            body=body | {"username": username or webhook.name} | self._face(webhook, avatar_url),
            webhook_execute=True,
        )
        return self._state.message_payload(message) if inquiry.flag("wait") else None

    def fetch_message(self, inquiry: Inquiry) -> dict[str, Any]:
        """Return one of the webhook's own messages."""
        return self._state.message_payload(self._message(inquiry))

    def edit_message(self, inquiry: Inquiry) -> dict[str, Any]:
        """Edit one of the webhook's own messages."""
        message = self._message(inquiry)
        require_open(self._state.get_channel(message.channel_id))
        body = inquiry.body
        check_content(body)
        check_files(inquiry.files)
        changes = message_edit_changes(inquiry.context(self._state), message, body=body)
        return self._state.message_payload(self._state.edit_message(message.channel_id, message.id, changes))

    def delete_message(self, inquiry: Inquiry) -> None:
        """Delete one of the webhook's own messages."""
        message = self._message(inquiry)
        self._state.delete_message(message.channel_id, message.id)

    # What they share.

    @property
    def _state(self) -> DiscordState:
        return self._world.state

    def named(self, inquiry: Inquiry) -> Webhook:
        """Return the webhook that id and token name.

        Raises:
            BackendError: 10015 for an unknown id, 50027 for a wrong token.
        """
        webhook = self._state.get_webhook(inquiry.call.webhook_id)
        if webhook.token != inquiry.call.token:
            raise BackendError(401, 50027, "Invalid Webhook Token")
        return webhook

    def _of_bot(self, inquiry: Inquiry) -> Webhook:
        webhook = self._state.get_webhook(inquiry.call.webhook_id)
        self._managed(webhook.channel_id)
        return webhook

    def _managed(self, channel_id: int) -> Channel:
        channel = self._state.get_channel(channel_id)
        self._state.require_permissions(channel.guild_id, self._world.bot_id, channel.id, "manage_webhooks")
        return channel

    def _destination(self, webhook: Webhook, inquiry: Inquiry) -> Channel:
        wanted = inquiry.params.get("thread_id")
        if wanted is None:
            return self._state.get_channel(webhook.channel_id)
        thread = self._state.get_channel(inquiry.snowflake(wanted))
        if thread.parent_id != webhook.channel_id or not thread.is_thread:
            raise BackendError(404, 10003, "Unknown Channel")
        return thread

    def _message(self, inquiry: Inquiry) -> Message:
        webhook = self.named(inquiry)
        channel = self._destination(webhook, inquiry)
        message = self._state.get_message(channel.id, inquiry.snowflake(inquiry.segments[4]))
        if message.webhook_id != webhook.id:
            raise BackendError(404, 10008, "Unknown Message")
        return message

    def _face(self, webhook: Webhook, avatar_url: str | None) -> dict[str, str | None]:
        if avatar_url:
            return {"avatar_url": self._world.assets.link_avatar(webhook.id, avatar_url)}
        return {"avatar_url": self._state.users[webhook.webhook_user_id].avatar}

    def _change(self, webhook: Webhook, body: dict[str, Any]) -> dict[str, Any]:
        if unknown := sorted(body.keys() - {"name", "avatar", "channel_id"}):
            raise form_error(unknown[0], "UNKNOWN_FIELD", "This field is not known.")
        changes: dict[str, Any] = {}
        if body.get("name") is not None:
            check_webhook_name(body["name"])
            changes["name"] = body["name"].strip()
        if body.get("channel_id") is not None:
            destination = self._managed(int(body["channel_id"]))
            if destination.guild_id != webhook.guild_id:
                raise BackendError(403, 50001, "Missing Access")
            changes["channel_id"] = destination.id
        self._set_avatar(webhook, body)
        return self._payload(self._state.edit_webhook(webhook.id, changes))

    def _set_avatar(self, webhook: Webhook, body: dict[str, Any]) -> None:
        if "avatar" not in body:
            return
        avatar = body["avatar"]
        digest = self._world.assets.store_avatar(webhook.id, avatar) if avatar is not None else None
        self._state.users[webhook.webhook_user_id].avatar = digest

    def _payload(self, webhook: Webhook) -> dict[str, Any]:
        payload = serializers.webhook_payload(self._state, webhook)
        payload["avatar"] = self._state.users[webhook.webhook_user_id].avatar
        payload["application_id"] = str(self._world.application_id)
        return payload
