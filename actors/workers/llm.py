"""A worker that serves chat: a client of model servers, or the owner of the embedded model."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from actors.models.chat import ChatModel
from actors.models.gathering import GATHER_S
from actors.models.openai import OpenAIChat, new_session
from actors.workers.orders import Orders
from actors.workers.own_model import OwnModel
from actors.workers.work import work

CAPACITY = {"llm": 256, "embedded": 4}
"""Streams that a worker serves well: what one core keeps up with at 60 tokens/s; the model's slots."""


async def serve(orders: Orders) -> None:
    """Serve until the connection to the stage is closed.

    Raises:
        HubGoneError: the stage does not answer.
        ModelError: the embedded model does not start.
    """
    async with _model(orders) as model:
        await work(orders, model, CAPACITY.get(orders.kind, 1))


@asynccontextmanager
async def _model(orders: Orders) -> AsyncGenerator[ChatModel, None]:
    async with new_session() as session:
        if orders.kind == "llm":
            yield OpenAIChat(session, gather_s=GATHER_S)
            return
        own = OwnModel(session, orders.gguf)
        try:
            await own.start()
            yield own
        finally:
            await own.stop()
