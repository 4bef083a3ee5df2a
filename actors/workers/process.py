"""A worker as the main thing of its process, whoever started the process."""

import asyncio
import signal

import uvloop

from actors.workers.errors import HubGoneError
from actors.workers.llm import serve
from actors.workers.orders import Orders
from config.errors import TroupeError
from config.logs import configure_logging, get_logger
from config.telemetry import close_telemetry, configure_telemetry

log = get_logger(__name__)


async def live(orders: Orders) -> None:
    """Set up logs and traces, serve until the stage is gone, and send the last traces."""
    configure_logging("json", orders.log_level)
    configure_telemetry(f"troupe-worker-{orders.kind}", orders.otlp_endpoint)
    try:
        await serve(orders)
    except HubGoneError as error:
        log.info("stage_gone", worker=orders.id, error=str(error))
    except TroupeError as error:
        log.error("worker_cannot_serve", worker=orders.id, error=str(error))  # noqa: TRY400 - expected kinds
    finally:
        await asyncio.to_thread(close_telemetry)


def run(orders: Orders) -> None:
    """Be a worker until the stage is gone or SIGTERM comes."""
    uvloop.run(_until_told(orders))


async def _until_told(orders: Orders) -> None:
    life = asyncio.create_task(live(orders))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, life.cancel)
    await asyncio.wait([life])
