import hashlib
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from storage.errors import ConflictError, StorageError
from storage.records import Chunk, Personality, Turn
from storage.stores import Stores
from storage.stores.webhooks import Webhook

pytestmark = pytest.mark.service


async def test_a_chunk_goes_from_plan_to_final(stores: Stores, planned: UUID) -> None:
    ledger = stores.deliveries
    assert await ledger.plan(planned, 0, "He")
    assert await ledger.of(planned) == [Chunk(turn_id=planned, position=0, text="He")]
    assert await ledger.posting(planned, 0, webhook_id=900)
    assert await ledger.posted(planned, 0, message_id=2000)
    assert await ledger.checkpoint(planned, 0, "Hello")
    assert await ledger.final(planned, 0, "Hello!")
    assert await ledger.of(planned) == [
        Chunk(
            turn_id=planned,
            position=0,
            state="final",
            webhook_id=900,
            message_id=2000,
            text="Hello!",
            text_hash=hashlib.sha256(b"Hello!").hexdigest(),
        )
    ]


async def test_a_chunk_is_planned_once(stores: Stores, planned: UUID) -> None:
    assert await stores.deliveries.plan(planned, 0)
    assert not await stores.deliveries.plan(planned, 0, "again")


async def test_a_chunk_needs_its_turn(stores: Stores) -> None:
    with pytest.raises(StorageError):
        await stores.deliveries.plan(uuid4(), 0)


async def test_what_was_not_about_to_be_posted_cannot_be_posted(stores: Stores, planned: UUID) -> None:
    await stores.deliveries.plan(planned, 0)
    assert not await stores.deliveries.posted(planned, 0, 2000)
    assert not await stores.deliveries.final(planned, 0, "x")
    assert not await stores.deliveries.posting(planned, 1, 900)


async def test_a_post_in_doubt_may_be_tried_again_until_it_is_known(stores: Stores, planned: UUID) -> None:
    await stores.deliveries.plan(planned, 0)
    assert await stores.deliveries.posting(planned, 0, 900)
    assert await stores.deliveries.posting(planned, 0, 901)
    assert await stores.deliveries.posted(planned, 0, 2000)
    assert not await stores.deliveries.posting(planned, 0, 902)
    assert not await stores.deliveries.posted(planned, 0, 2001)


async def test_a_final_chunk_takes_no_checkpoint_but_may_be_finished_again(
    stores: Stores, planned: UUID
) -> None:
    await stores.deliveries.plan(planned, 0)
    await stores.deliveries.posting(planned, 0, 900)
    await stores.deliveries.posted(planned, 0, 2000)
    await stores.deliveries.final(planned, 0, "end")
    assert not await stores.deliveries.checkpoint(planned, 0, "late")
    assert await stores.deliveries.final(planned, 0, "end, truly")


async def test_a_chunk_that_is_gone_stays_gone(stores: Stores, planned: UUID) -> None:
    await stores.deliveries.plan(planned, 0)
    assert await stores.deliveries.gone(planned, 0)
    assert not await stores.deliveries.gone(planned, 0)
    assert not await stores.deliveries.posting(planned, 0, 900)
    assert not await stores.deliveries.checkpoint(planned, 0, "x")


async def test_chunks_are_listed_in_order(stores: Stores, planned: UUID) -> None:
    for position in (1, 0, 2):
        await stores.deliveries.plan(planned, position)
    assert [chunk.position for chunk in await stores.deliveries.of(planned)] == [0, 1, 2]


async def test_a_visible_message_leads_to_its_speaker(
    stores: Stores, planned: UUID, lilith: Personality
) -> None:
    await stores.deliveries.plan(planned, 0)
    await stores.deliveries.posting(planned, 0, 900)
    await stores.deliveries.posted(planned, 0, 2000)
    assert await stores.deliveries.by_message(2000) == (lilith.id, planned)
    assert await stores.deliveries.by_message(2001) is None


async def test_one_message_cannot_belong_to_two_chunks(stores: Stores, turn: Callable[..., Turn]) -> None:
    for one in (turn(1), turn(2)):
        await stores.turns.plan(one)
        await stores.deliveries.plan(one.id, 0)
        await stores.deliveries.posting(one.id, 0, 900)
    await stores.deliveries.posted(turn(1).id, 0, 2000)
    with pytest.raises(ConflictError, match="deliveries_message"):
        await stores.deliveries.posted(turn(2).id, 0, 2000)


async def test_a_channels_webhooks_are_kept_until_forgotten(stores: Stores, lilith: Personality) -> None:
    first, second = Webhook(900, 500, "secret"), Webhook(901, 500, "other", lilith.id)
    for hook in (first, second, Webhook(902, 501, "elsewhere")):
        await stores.webhooks.add(hook)
    assert await stores.webhooks.of(500) == [first, second]
    assert await stores.webhooks.forget(900)
    assert not await stores.webhooks.forget(900)
    assert await stores.webhooks.of(500) == [second]


async def test_a_forgotten_webhook_is_still_known_as_ours(stores: Stores) -> None:
    await stores.webhooks.add(Webhook(900, 500, "secret"))
    await stores.webhooks.forget(900)
    assert await stores.webhooks.is_ours(900)
    assert not await stores.webhooks.is_ours(901)


async def test_a_webhook_added_again_takes_the_new_token_and_works(stores: Stores) -> None:
    await stores.webhooks.add(Webhook(900, 500, "old"))
    await stores.webhooks.forget(900)
    await stores.webhooks.add(Webhook(900, 500, "new"))
    assert await stores.webhooks.of(500) == [Webhook(900, 500, "new")]
