"""SimCord's backend, told to behave as Discord does where the sandbox needs more than it offers."""

import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, cast

from typing_extensions import override

from sandbox.simulator import Backend, Channel, Clock, Message, serializers
from sandbox.untyped import record

NONCE_MEMORY_S = 300.0
"""How long a nonce is remembered; Discord says "the past few minutes"."""
ATTACHMENT_LIMIT = 10 * 1024 * 1024
"""Bytes per file without boosts, since 2025-01-16 (Discord's change log)."""
MESSAGE_EVENTS = frozenset({"MESSAGE_CREATE", "MESSAGE_UPDATE"})
EPHEMERAL_CREATE = "SANDBOX_EPHEMERAL_CREATE"
EPHEMERAL_UPDATE = "SANDBOX_EPHEMERAL_UPDATE"
EPHEMERAL_DELETE = "SANDBOX_EPHEMERAL_DELETE"
INTERACTION_ANSWERED = "SANDBOX_INTERACTION"
REPLY = 19
LOCAL_PREFIX = "SANDBOX_"
"""Events with this prefix are for the page; Discord's gateway has no such thing."""

_EMBED_MEDIA = (("image", "url"), ("thumbnail", "url"), ("author", "icon_url"), ("footer", "icon_url"))

Payload = Mapping[str, Any]


class DiscordState(Backend):
    """The one copy of the truth: guilds, channels, people, messages, webhooks, interactions.

    Attributes:
        nonce_in_hand: the nonce of the message that is being created.
        dms_closed: people whom the bot may not write to.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self._nonces: OrderedDict[tuple[int, int, str], tuple[float, int]] = OrderedDict()
        self._nonce_of: dict[int, str | int] = {}
        self.nonce_in_hand: str | int | None = None
        self.dms_closed: set[int] = set()
        self.forget_logs()

    def forget_logs(self) -> None:
        """Keep none of the logs that SimCord writes for test reports; they grow without bound."""
        self.http_requests = cast("list[Any]", deque[Any](maxlen=0))
        self.transcript = cast("list[Any]", deque[Any](maxlen=0))

    @override
    def emit(self, event: str, payload: Payload) -> None:
        body = dict(payload)
        if event in MESSAGE_EVENTS:
            self.finish_message(body)
            self._add_member(body)
        elif event == "TYPING_START":
            body["timestamp"] = int(time.time())
            self._add_typing_member(body)
        elif event == "INTERACTION_CREATE":
            body["attachment_size_limit"] = ATTACHMENT_LIMIT
        for listener in tuple(self.subscribers):
            listener(event, body)

    def message_payload(self, message: Message, for_user: int | None = None) -> dict[str, Any]:
        """Return the message as Discord would send it to one reader."""
        payload = dict(serializers.message_payload(self, message, for_user=for_user))
        self.finish_message(payload)
        return payload

    def finish_message(self, payload: dict[str, Any]) -> None:
        """Correct, in place, what SimCord's message payload leaves out: authors of webhooks, nonces."""
        if payload.get("nonce") is None:
            payload.pop("nonce", None)
        nonce = self._nonce_of.get(int(payload["id"]))
        if nonce is not None:
            payload["nonce"] = nonce
        if "webhook_id" in payload:
            self._finish_webhook_author(payload)
        referenced = payload.get("referenced_message")
        if isinstance(referenced, dict):
            self.finish_message(cast("dict[str, Any]", referenced))
        elif payload.get("type") == REPLY:
            payload["referenced_message"] = None

    def _finish_webhook_author(self, payload: dict[str, Any]) -> None:
        stored = self.messages.get(int(payload["channel_id"]), {}).get(int(payload["id"]))
        author: dict[str, Any] = payload["author"]
        author["discriminator"] = "0000"
        author["global_name"] = None
        if stored is not None and stored.author_avatar is not None:
            author["avatar"] = stored.author_avatar

    def _add_member(self, payload: dict[str, Any]) -> None:
        guild = self.guilds.get(int(payload.get("guild_id") or 0))
        author_id = int(payload["author"]["id"])
        if "member" not in payload and guild is not None and author_id in guild.members:
            member = guild.members[author_id]
            payload["member"] = serializers.member_payload(self, guild, member, with_user=False)

    def _add_typing_member(self, payload: dict[str, Any]) -> None:
        guild = self.guilds.get(int(payload.get("guild_id") or 0))
        member = guild.members.get(int(payload["user_id"])) if guild is not None else None
        if guild is not None and member is not None:
            payload["member"] = serializers.member_payload(self, guild, member)

    # Messages that only one person sees: SimCord stores them and announces nothing.

    @override
    def commit_message(self, message: Message, *, broadcast: bool = True) -> Message:
        finish_embeds(message.embeds, message.attachments)
        if self.nonce_in_hand is not None:
            self._remember_nonce(message, self.nonce_in_hand)
        stored = super().commit_message(message, broadcast=broadcast)
        if stored.is_ephemeral:
            self.emit(EPHEMERAL_CREATE, self.message_payload(stored))
        return stored

    @override
    def edit_message(self, channel_id: int, message_id: int, fields: dict[str, Any]) -> Message:
        attachments = fields.get("attachments", self.get_message(channel_id, message_id).attachments)
        finish_embeds(fields.get("embeds") or [], attachments or [])
        message = super().edit_message(channel_id, message_id, fields)
        if message.is_ephemeral:
            self.emit(EPHEMERAL_UPDATE, self.message_payload(message))
        return message

    @override
    def delete_message(self, channel_id: int, message_id: int) -> None:
        message = self.get_message(channel_id, message_id)
        super().delete_message(channel_id, message_id)
        self._nonce_of.pop(message_id, None)
        if message.is_ephemeral:
            self.emit(EPHEMERAL_DELETE, {"id": str(message_id), "channel_id": str(channel_id)})

    def announce_webhooks(self, channel: Channel) -> None:
        """Tell that a channel's webhooks changed; SimCord does so for changes, not for creation."""
        payload = {"channel_id": str(channel.id), "guild_id": str(channel.guild_id)}
        self.emit("WEBHOOKS_UPDATE", payload)

    # Nonces: Discord returns the first message again when a nonce repeats within a few minutes.

    def _remember_nonce(self, message: Message, nonce: str | int) -> None:
        """Tie a nonce to the message it made; it is echoed in every payload of that message."""
        now = time.monotonic()
        self._nonces[(message.channel_id, message.author_id, str(nonce))] = (now, message.id)
        self._nonce_of[message.id] = nonce
        while self._nonces:
            key, (made, message_id) = next(iter(self._nonces.items()))
            if now - made < NONCE_MEMORY_S:
                break
            del self._nonces[key]
            self._nonce_of.pop(message_id, None)

    def message_of_nonce(self, channel_id: int, author_id: int, nonce: str | int) -> Message | None:
        """Return the message that this author already made with the nonce, if it still exists."""
        made, message_id = self._nonces.get((channel_id, author_id, str(nonce)), (0.0, 0))
        if not message_id or time.monotonic() - made >= NONCE_MEMORY_S:
            return None
        return self.messages.get(channel_id, {}).get(message_id)

    def forget_expired(self) -> None:
        """Drop interactions whose token died and snowflake counters of past milliseconds."""
        now = self.now_iso()
        for gone in [i for i in self.interactions.values() if i.expires_at and i.expires_at <= now]:
            del self.interactions[gone.id]
            self.interaction_tokens.pop(gone.token, None)
        if len(self._sequences) > 1:
            latest = max(self._sequences)
            self._sequences = {latest: self._sequences[latest]}
            self._reserved_ids = {i for i in self._reserved_ids if i >> 22 == latest}


def finish_embeds(embeds: list[dict[str, Any]], files: list[dict[str, Any]]) -> None:
    """Complete embeds in place: their type, and for `attachment://name` the address of that file."""
    urls = {f"attachment://{file['filename']}": file["url"] for file in files}
    for embed in embeds:
        embed.setdefault("type", "rich")
        for part, field in _EMBED_MEDIA:
            media = record(embed.get(part))
            if media.get(field) in urls:
                media[field] = urls[media[field]]
