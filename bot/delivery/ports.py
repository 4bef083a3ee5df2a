"""What a delivery needs of the storage and of the bot's connection; the stores fit as they are."""

from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID

from storage.records import Personality
from storage.stores.webhooks import Webhook


class DeliveryLedger(Protocol):
    """Keeps the state of every visible message; false means that nothing changed."""

    async def plan(self, turn_id: UUID, position: int, text: str = "") -> bool:
        """Intend a message."""
        ...

    async def posting(self, turn_id: UUID, position: int, webhook_id: int) -> bool:
        """Say that a post is about to leave."""
        ...

    async def posted(self, turn_id: UUID, position: int, message_id: int) -> bool:
        """Note the message that a post became."""
        ...

    async def checkpoint(self, turn_id: UUID, position: int, text: str) -> bool:
        """Keep the text so far."""
        ...

    async def final(self, turn_id: UUID, position: int, text: str) -> bool:
        """Note that the message will not change any more."""
        ...

    async def gone(self, turn_id: UUID, position: int) -> bool:
        """Note that the message does not exist any more."""
        ...

    async def by_message(self, message_id: int) -> tuple[UUID, UUID] | None:
        """Return the personality and the turn that a visible message belongs to."""
        ...


class WebhookLedger(Protocol):
    """Keeps our webhooks by channel."""

    async def of(self, channel_id: int) -> list[Webhook]:
        """Return a channel's webhooks."""
        ...

    async def get(self, webhook_id: int) -> Webhook | None:
        """Return a webhook that is in use."""
        ...

    async def add(self, webhook: Webhook) -> None:
        """Keep a webhook."""
        ...

    async def forget(self, webhook_id: int) -> bool:
        """Use a webhook no more."""
        ...


class Faces(Protocol):
    """Keeps pictures."""

    async def get(self, face_hash: str) -> bytes | None:
        """Return a picture."""
        ...


class BotVoice(Protocol):
    """The bot's own messages, where there are no webhooks."""

    async def say(self, channel_id: int, text: str, nonce: str) -> int:
        """Post and return the message's id; the same nonce never posts twice."""
        ...

    async def change(self, channel_id: int, message_id: int, text: str) -> None:
        """Change a message."""
        ...

    async def said(self, channel_id: int, after: int) -> list[tuple[int, str]]:
        """Return id and text of the bot's own messages after a snowflake, oldest first."""
        ...

    async def remove(self, channel_id: int, message_id: int) -> None:
        """Delete a message."""
        ...


PublicFace = Callable[[Personality], str | None]
"""Where Discord can fetch a character's picture, if it can."""
FindPersonality = Callable[[UUID], Awaitable[Personality | None]]
