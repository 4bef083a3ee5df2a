"""Webhooks: through which a channel's characters speak."""

from uuid import UUID

import msgspec

from storage.queries import query
from storage.stores.base import Store, to_record

OF, ADD = query("webhooks_of_channel"), query("add_webhook")
FORGET, IS_OURS = query("forget_webhook"), query("is_our_webhook")
OURS, GET = query("our_webhooks"), query("get_webhook")


class Webhook(msgspec.Struct, frozen=True):
    """A webhook of ours; `personality_id` is the character it is reserved for. The token is a secret."""

    id: int
    channel_id: int
    token: str
    personality_id: UUID | None = None


class WebhookStore(Store):
    """The webhooks of each channel, threads counted with their parent."""

    async def of(self, channel_id: int) -> list[Webhook]:
        """Return a channel's webhooks, oldest first."""
        return [to_record(row, Webhook) for row in await self._database.fetch(OF, channel_id)]

    async def add(self, webhook: Webhook) -> None:
        """Keep a webhook; one that is known takes the new token and character."""
        await self._database.fetch_value(ADD, *msgspec.structs.astuple(webhook))

    async def forget(self, webhook_id: int) -> bool:
        """Use a webhook no more, because it is gone; false if it was not in use."""
        return bool(await self._database.fetch_value(FORGET, webhook_id))

    async def get(self, webhook_id: int) -> Webhook | None:
        """Return a webhook that is in use."""
        row = await self._database.fetch_row(GET, webhook_id)
        return to_record(row, Webhook) if row else None

    async def is_ours(self, webhook_id: int) -> bool:
        """True for every webhook that ever was ours: its messages are our characters' words."""
        return bool(await self._database.fetch_value(IS_OURS, webhook_id))

    async def ids(self) -> set[int]:
        """Return every webhook that ever was ours."""
        return {row["id"] for row in await self._database.fetch(OURS)}
