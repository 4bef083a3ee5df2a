"""All connected workers as one chat model."""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator

from actors.models.chat import ChatEvent, ChatModel, ChatRequest
from actors.models.errors import BadAnswerError, BadRequestError, ModelTimeoutError
from actors.workers.errors import ProtocolError, WorkerLostError
from actors.workers.hub import Hub
from actors.workers.inflight import InFlight
from actors.workers.link import WorkerLink
from actors.workers.results import Blob
from config.logs import get_logger

log = get_logger(__name__)

DISPATCHES = 3
"""How many workers one request may lose before it is given up: it may be what kills them."""

DEADLINE_GRACE_S = 1.0
"""A worker keeps the deadline itself and says why; this long after it the stage stops waiting."""


def kind_for(request: ChatRequest) -> str:
    """Return the kind of worker that serves a request."""
    return "embedded" if request.endpoint is None else "llm"


class WorkerPool:
    """A `ChatModel` that sends each request to the least busy worker of its kind.

    While there is none, `fallback` answers instead. A request whose worker is lost before the first event
    goes to another one unnoticed; after that the reader gets `WorkerLostError` and decides.
    """

    def __init__(self, hub: Hub, fallback: ChatModel) -> None:
        self._hub = hub
        self._fallback = fallback
        self._numbers = itertools.count(1)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Yield deltas and at last one `Finished`; closing the iterator cancels the generation.

        Raises:
            ModelError: any failure, typed by cause; `WorkerLostError` when text has come already.
        """
        for _ in range(DISPATCHES):
            source, begun = self._open(request), False
            try:
                while (event := await source.next()) is not None:
                    begun = True
                    yield event
            except WorkerLostError:
                if begun:
                    raise
                log.info("stream_sent_again", request=request.id)
            else:
                return
            finally:
                await source.close()
        raise WorkerLostError(f"{DISPATCHES} workers were lost over this request")

    def _open(self, request: ChatRequest) -> "_Dispatched | _Here":
        workers = self._hub.of_kind(kind_for(request))
        if not workers:
            return _Here(self._fallback.stream(request))
        return _Dispatched(min(workers, key=lambda link: link.load), next(self._numbers), request)


class _Here:
    """A stream of the fallback."""

    def __init__(self, events: AsyncGenerator[ChatEvent, None]) -> None:
        self._events = events

    async def next(self) -> ChatEvent | None:
        return await anext(self._events, None)

    async def close(self) -> None:
        await self._events.aclose()


class _Dispatched:
    """A stream of a worker."""

    def __init__(self, link: WorkerLink, number: int, request: ChatRequest) -> None:
        try:
            stream = link.submit(number, request)
        except ProtocolError as error:
            raise BadRequestError(str(error)) from error
        self._stream = stream
        self._link = link
        self._number = number
        self._timer = _expire(stream, request)

    async def next(self) -> ChatEvent | None:
        event = await self._stream.next()
        if isinstance(event, Blob):
            raise BadAnswerError(f"{event.media_type} where words were expected")
        return event

    async def close(self) -> None:
        self._stream.close()
        self._link.forget(self._number)
        if self._timer is not None:
            self._timer.cancel()


def _expire(stream: InFlight, request: ChatRequest) -> asyncio.TimerHandle | None:
    """End `stream` a moment after its deadline, should the worker not have done so."""
    if not request.deadline:
        return None
    left = max(0.0, request.deadline - time.time()) + DEADLINE_GRACE_S
    error = ModelTimeoutError("The worker did not keep the deadline")
    return asyncio.get_running_loop().call_later(left, stream.end, error)
