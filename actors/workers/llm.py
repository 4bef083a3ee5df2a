"""A worker that serves chat: it dials the stage, runs what it is told, and ends when the stage is gone."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from actors.models.chat import ChatModel
from actors.models.openai import GATHER_S, OpenAIChat, new_session
from actors.workers.frames import Hello
from actors.workers.orders import Orders
from actors.workers.own_model import OwnModel
from actors.workers.streams import Streams
from actors.workers.uplink import dial
from config.logs import get_logger

log = get_logger(__name__)

CAPACITY = {"llm": 256, "embedded": 4}
"""Streams that a worker serves well: what one core keeps up with at 60 tokens/s; the model's slots."""


async def serve(orders: Orders) -> None:
    """Serve until the connection to the stage is closed. Knows nothing of what hosts it.

    Raises:
        HubGoneError: the stage does not answer.
        ModelError: the embedded model does not start.
    """
    async with _model(orders) as model:
        uplink = await dial(orders.door)
        streams = Streams(model, uplink.send, uplink.room)
        capacity = CAPACITY.get(orders.kind, 1)
        hello = Hello(orders.id, orders.kind, orders.door.secret, capacity=capacity, pid=os.getpid())
        try:
            uplink.begin(hello, streams.take, lambda: len(streams))
            log.info("worker_serves", worker=orders.id, kind=orders.kind)
            await uplink.closed
        finally:
            uplink.close()
            await streams.stop()


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
