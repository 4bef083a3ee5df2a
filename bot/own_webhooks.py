"""Which webhooks are ours, known at once: every edit of a streamed reply comes back as an event."""

from storage.stores.webhooks import Webhook, WebhookStore


class OwnWebhooks:
    """The ledger of webhooks with its ids in memory; a webhook counts as ours before its first message."""

    def __init__(self, store: WebhookStore) -> None:
        self._store = store
        self._ids: set[int] = set()

    async def load(self) -> None:
        """Learn those of earlier runs."""
        self._ids |= await self._store.ids()

    def __contains__(self, webhook_id: int) -> bool:
        return webhook_id in self._ids

    async def of(self, channel_id: int) -> list[Webhook]:
        """Return a channel's webhooks."""
        return await self._store.of(channel_id)

    async def get(self, webhook_id: int) -> Webhook | None:
        """Return a webhook that is in use."""
        return await self._store.get(webhook_id)

    async def add(self, webhook: Webhook) -> None:
        """Keep a webhook."""
        self._ids.add(webhook.id)
        await self._store.add(webhook)

    async def forget(self, webhook_id: int) -> bool:
        """Use a webhook no more; its messages stay ours."""
        return await self._store.forget(webhook_id)
