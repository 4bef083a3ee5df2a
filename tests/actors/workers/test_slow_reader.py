"""A reader that does not read bounds what both sides hold, over a real socket, counted in characters."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from actors.models.chat import ChatEvent, ChatRequest, Delta, Endpoint, Finished
from actors.models.openai import OpenAIChat, new_session
from actors.workers.frames import WINDOW, Hello, size_of
from actors.workers.hub import Hub
from actors.workers.streams import Streams
from actors.workers.uplink import Uplink, dial
from tests.actors.workers.rig import until

pytestmark = pytest.mark.service

EVENT = 100
"""Characters of an event; a stream may be ahead of its credit by one."""

PLENTY = 4_000 * EVENT
ENDLESS = 10**9

GUSH = 8 * 1024
"""Characters of an event of the model server."""

OF_THE_KERNEL = 16 * 1024**2
"""Bytes that sockets and HTTP buffers may hold at the most between a model server and its client."""


class Fountain:
    """A model that says as much as a request's prompt asks for, and counts what it has said by request."""

    def __init__(self) -> None:
        self.said: Counter[str] = Counter()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        while self.said[request.id] < int(request.prompt or "0"):
            self.said[request.id] += EVENT
            yield Delta("x" * EVENT)
            await asyncio.sleep(0)
        yield Finished()


@pytest.fixture
def fountain() -> Fountain:
    return Fountain()


@asynccontextmanager
async def worker_of(hub: Hub, model: Fountain | OpenAIChat) -> AsyncIterator[Uplink]:
    """Run a worker around a model as a part of this process; only the model differs from a real one."""
    uplink = await dial(hub.door)
    streams = Streams(model, uplink.send, uplink.room)
    hello = Hello("llm-1", "llm", hub.door.secret, capacity=4)
    uplink.begin(hello, streams.take, lambda: len(streams))
    await until(lambda: "llm-1" in hub.links)
    try:
        yield uplink
    finally:
        uplink.close()
        await streams.stop()


def request(name: str, characters: int = ENDLESS) -> ChatRequest:
    return ChatRequest(id=name, endpoint=None, prompt=str(characters))


def held(hub: Hub, number: int) -> int:
    """Return the characters of a stream that have come to the stage and were not read."""
    events = hub.links["llm-1"].streams[number]._events
    return sum(size_of(event) for event in events if isinstance(event, Delta))


async def settled(count: Callable[[], int]) -> int:
    """Wait until a count does not grow any more, and return it."""
    last, still = -1, 0
    while still < 10:
        still = still + 1 if count() == last else 0
        last = count()
        await asyncio.sleep(0.02)
    return last


async def test_a_model_stops_when_the_credit_of_its_stream_is_used_up(hub: Hub, fountain: Fountain) -> None:
    async with worker_of(hub, fountain):
        hub.links["llm-1"].submit(1, request("unread"))

        said = await settled(lambda: fountain.said["unread"])

    assert WINDOW <= said <= WINDOW + EVENT


async def test_the_stage_holds_no_more_than_the_window_and_the_worker_nothing(
    hub: Hub, fountain: Fountain
) -> None:
    async with worker_of(hub, fountain) as uplink:
        hub.links["llm-1"].submit(1, request("unread"))

        on_the_stage = await settled(lambda: held(hub, 1))
        assert uplink._transport is not None
        unsent = uplink._transport.get_write_buffer_size()

    assert WINDOW <= on_the_stage <= WINDOW + EVENT
    assert (unsent, fountain.said["unread"]) == (0, on_the_stage)


async def test_a_reader_that_goes_on_gets_all_and_is_never_more_than_a_window_behind(
    hub: Hub, fountain: Fountain
) -> None:
    async with worker_of(hub, fountain):
        stream = hub.links["llm-1"].submit(1, request("late", PLENTY))
        await settled(lambda: held(hub, 1))
        read = ahead = 0
        while (event := await stream.next()) is not None:
            ahead = max(ahead, fountain.said["late"] - read)
            read += size_of(event)

    assert read == PLENTY
    assert ahead <= WINDOW + EVENT


async def test_who_does_not_read_slows_down_nobody_else_on_the_same_worker(
    hub: Hub, fountain: Fountain
) -> None:
    async with worker_of(hub, fountain):
        link = hub.links["llm-1"]
        link.submit(1, request("unread"))
        read = link.submit(2, request("read", PLENTY))
        await settled(lambda: held(hub, 1))

        heard = 0
        while (event := await read.next()) is not None:
            heard += size_of(event)
        unread = held(hub, 1)

    assert heard == PLENTY
    assert unread == fountain.said["unread"] <= WINDOW + EVENT


async def test_a_reader_that_leaves_lets_the_model_go(hub: Hub, fountain: Fountain) -> None:
    async with worker_of(hub, fountain) as uplink:
        link = hub.links["llm-1"]
        link.submit(1, request("left"))
        await settled(lambda: held(hub, 1))

        link.forget(1)

        await until(lambda: uplink._load() == 0)
    assert fountain.said["left"] <= WINDOW + EVENT


class Gusher:
    """A model server that talks without end for as long as its client reads, and counts the bytes."""

    def __init__(self) -> None:
        self.sent = 0

    async def answer(self, asked: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(asked)
        event = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * GUSH + b'"}}]}\n\n'
        while True:
            await response.write(event)
            self.sent += len(event)
            await asyncio.sleep(0)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Endpoint]:
        app = web.Application()
        app.router.add_post("/v1/completions", self.answer)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield Endpoint(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", "m")
        finally:
            await runner.cleanup()


async def test_a_slow_reader_holds_back_even_the_model_server(hub: Hub) -> None:
    gusher = Gusher()
    async with (
        gusher.listening() as endpoint,
        new_session() as session,
        worker_of(hub, OpenAIChat(session)),
    ):
        hub.links["llm-1"].submit(1, ChatRequest(id="unread", endpoint=endpoint, prompt="Go"))
        sent = await settled(lambda: gusher.sent)

    assert WINDOW < sent < OF_THE_KERNEL
