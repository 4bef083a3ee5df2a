"""What every worker does: it dials the stage, runs what it is told, and ends when the stage is gone."""

import os

from actors.workers.frames import Hello
from actors.workers.orders import Orders
from actors.workers.results import StreamModel
from actors.workers.streams import Streams
from actors.workers.uplink import dial
from config.logs import get_logger

log = get_logger(__name__)


async def work(orders: Orders, model: StreamModel, capacity: int = 1) -> None:
    """Serve `model` until the connection to the stage is closed. Knows nothing of what hosts the worker.

    Args:
        orders: where the stage is, and who the worker is.
        model: makes the results.
        capacity: streams that it serves well at once.

    Raises:
        HubGoneError: the stage does not answer.
    """
    uplink = await dial(orders.door)
    streams = Streams(model, uplink.send, uplink.room)
    hello = Hello(orders.id, orders.kind, orders.door.secret, capacity=capacity, pid=os.getpid())
    try:
        uplink.begin(hello, streams.take, lambda: len(streams))
        log.info("worker_serves", worker=orders.id, kind=orders.kind)
        await uplink.closed
    finally:
        uplink.close()
        await streams.stop()
