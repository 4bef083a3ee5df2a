"""The embedded model as a chat model: its server is a child of this process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import aiohttp
import msgspec

from actors.models.chat import ChatEvent, ChatRequest, Endpoint
from actors.models.embedded import EmbeddedModel
from actors.models.errors import ModelUnavailableError
from actors.models.gathering import GATHER_S
from actors.models.openai import OpenAIChat
from config.logs import get_logger

log = get_logger(__name__)


class OwnModel:
    """A `ChatModel` for requests without an endpoint. The child starts on `start` or with the first request.

    A child that died is replaced when the next request meets its absence.
    """

    def __init__(self, session: aiohttp.ClientSession, gguf: str | None) -> None:
        self._chat = OpenAIChat(session, gather_s=GATHER_S)
        self._gguf = gguf
        self._child: EmbeddedModel | None = None
        self._endpoint: Endpoint | None = None
        self._starting = asyncio.Lock()
        self._streams = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def running(self) -> bool:
        """The child has been started."""
        return self._child is not None

    async def start(self) -> Endpoint:
        """Start the child, if it does not run.

        Raises:
            ModelError: it does not start.
        """
        async with self._starting:
            if self._endpoint is None:
                child = EmbeddedModel(self._gguf)
                self._endpoint = await child.start()
                self._child = child
            return self._endpoint

    async def stop(self) -> None:
        """End the child; a later request starts a new one."""
        async with self._starting:
            self._endpoint = None
            if self._child is not None:
                await self._child.stop()
                self._child = None

    async def retire(self) -> None:
        """End the child once no stream uses it."""
        await self._idle.wait()
        await self.stop()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Yield what the embedded model says.

        Raises:
            ModelError: any failure, typed by cause.
        """
        self._streams += 1
        self._idle.clear()
        try:
            endpoint = await self.start()
            asked = msgspec.structs.replace(request, endpoint=endpoint)
            async with aclosing(self._chat.stream(asked)) as events:
                async for event in events:
                    yield event
        except ModelUnavailableError:
            log.warning("embedded_model_gone", request=request.id)
            await self.stop()
            raise
        finally:
            self._streams -= 1
            if not self._streams:
                self._idle.set()
