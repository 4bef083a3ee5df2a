"""Deliveries: the ledger of the visible messages of each turn."""

import hashlib
from uuid import UUID

from storage.queries import Query, query
from storage.records import Chunk
from storage.stores.base import Store, to_record

PLAN, POSTING, POSTED = query("plan_chunk"), query("chunk_posting"), query("chunk_posted")
CHECKPOINT, FINAL, GONE = query("checkpoint_chunk"), query("chunk_final"), query("chunk_gone")
OF, SPEAKER = query("chunks_of_turn"), query("speaker_of_message")


class DeliveryStore(Store):
    """Chunks by turn and position: planned → posting → posted → final, or gone.

    Every change returns false, and changes nothing, when the chunk is not in a state that allows it.
    """

    async def plan(self, turn_id: UUID, position: int, text: str = "") -> bool:
        """Intend a visible message; false if it is known."""
        return await self._change(PLAN, turn_id, position, text)

    async def posting(self, turn_id: UUID, position: int, webhook_id: int) -> bool:
        """Say that a post is about to leave; from here to `posted` it is in doubt."""
        return await self._change(POSTING, turn_id, position, webhook_id)

    async def posted(self, turn_id: UUID, position: int, message_id: int) -> bool:
        """Note the message that a post became."""
        return await self._change(POSTED, turn_id, position, message_id)

    async def checkpoint(self, turn_id: UUID, position: int, text: str) -> bool:
        """Keep the text generated so far."""
        return await self._change(CHECKPOINT, turn_id, position, text)

    async def final(self, turn_id: UUID, position: int, text: str) -> bool:
        """Note that the message shows `text` and will not change any more."""
        return await self._change(FINAL, turn_id, position, text, hashlib.sha256(text.encode()).hexdigest())

    async def gone(self, turn_id: UUID, position: int) -> bool:
        """Note that the message does not exist any more or never will."""
        return await self._change(GONE, turn_id, position)

    async def of(self, turn_id: UUID) -> list[Chunk]:
        """Return the chunks of a turn in order."""
        return [to_record(row, Chunk) for row in await self._database.fetch(OF, turn_id)]

    async def by_message(self, message_id: int) -> tuple[UUID, UUID] | None:
        """Return the personality and the turn that a visible message belongs to."""
        row = await self._database.fetch_row(SPEAKER, message_id)
        return (row["personality_id"], row["turn_id"]) if row else None

    async def _change(self, change: Query, *values: object) -> bool:
        return bool(await self._database.fetch_value(change, *values))
