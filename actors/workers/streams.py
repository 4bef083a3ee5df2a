"""The streams that a worker runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

from actors.models.chat import ChatRequest
from actors.workers.allowance import Allowance
from actors.workers.batches import Batches
from actors.workers.blobs import BlobSender
from actors.workers.errors import ProtocolError
from actors.workers.failures import describe
from actors.workers.frames import Cancel, Credit, End, Failed, Frame, Heartbeat, Submit, Welcome, size_of
from actors.workers.results import Blob, StreamModel
from config.errors import TroupeError
from config.logs import get_logger
from config.telemetry import span

log = get_logger(__name__)


class Streams:
    """Runs a model for whatever the stage submits, as fast as the stage reads.

    Args:
        send: hands a frame to the connection.
        room: returns once the connection can take more.
    """

    def __init__(
        self, model: StreamModel, send: Callable[[Frame], None], room: Callable[[], Awaitable[None]]
    ) -> None:
        self._model = model
        self._room = room
        self._batches = Batches(send)
        self._blobs = BlobSender(send)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._allowances: dict[int, Allowance] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def take(self, frame: Frame) -> None:
        """Do what the stage says.

        Raises:
            ProtocolError: the stage must not send such a frame.
        """
        match frame:
            case Welcome(spool):
                self._blobs.spool = Path(spool) if spool else None
            case Submit(number, request, credit):
                self._begin(number, request, credit)
            case Cancel(number):
                if (task := self._tasks.get(number)) is not None:
                    task.cancel()
            case Credit(number, size):
                if (allowance := self._allowances.get(number)) is not None:
                    allowance.grant(size)
            case Heartbeat():
                pass
            case _:
                raise ProtocolError(f"The stage must not send {type(frame).__name__}")

    async def stop(self) -> None:
        """Cancel all streams and wait until their connections are closed."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, number: int, request: ChatRequest, credit: int) -> None:
        self._allowances[number] = Allowance(credit)
        task = asyncio.create_task(self._run(number, request), name=f"stream {number}")
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._forget(number))

    def _forget(self, number: int) -> None:
        del self._tasks[number], self._allowances[number]
        self._batches.drop(number)

    async def _run(self, number: int, request: ChatRequest) -> None:
        try:
            with span("worker.stream", request.trace, request__id=request.id):
                await self._pump(number, request)
        except TroupeError as error:
            self._batches.end(Failed(number, describe(error)))
        except Exception as error:  # a bug must end one stream, not the worker
            log.exception("stream_failed", request=request.id)
            self._batches.end(Failed(number, describe(error)))
        else:
            self._batches.end(End(number))

    async def _pump(self, number: int, request: ChatRequest) -> None:
        """Pass events on; while the reader is behind, the model server is not read either."""
        allowance = self._allowances[number]
        async with aclosing(self._model.stream(request)) as events:
            async for event in events:
                if isinstance(event, Blob):
                    self._batches.flush()
                    await self._blobs.send(number, event, allowance)
                else:
                    self._batches.put(number, event)
                    allowance.spend(size_of(event))
                await allowance.room()
                await self._room()
