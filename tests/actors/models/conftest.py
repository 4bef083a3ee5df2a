"""A client session and short ways to ask, for the tests of the model layer."""

import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from actors.models.chat import ChatMessage, ChatRequest, Endpoint
from actors.models.openai import new_session

Ask = Callable[..., ChatRequest]
Listing = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with new_session() as opened:
        yield opened


@pytest.fixture
def ask() -> Ask:
    """Make a request to a server; `within` is the deadline in seconds from now."""

    def make(
        base_url: str, *, within: float = 10.0, prompt: str | None = None, key: str | None = None
    ) -> ChatRequest:
        messages = () if prompt else (ChatMessage("user", "Good evening."),)
        endpoint = Endpoint(base_url, "scripted-1", key)
        deadline = time.time() + within
        return ChatRequest(id="t", endpoint=endpoint, messages=messages, prompt=prompt, deadline=deadline)

    return make


@pytest.fixture
def listing() -> Listing:
    """Make a server that answers one thing to `GET /v1/models`, and nothing else; it yields its base URL."""

    @asynccontextmanager
    async def serve(body: bytes, content_type: str = "application/json") -> AsyncIterator[str]:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(body=body, content_type=content_type)

        app = web.Application()
        app.router.add_get("/v1/models", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        finally:
            await runner.cleanup()

    return serve


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are accepted and nothing is ever said."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]
