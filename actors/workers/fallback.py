"""Model calls in the stage's own process, for as long as no worker is there: dearer, but never silent."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from actors.models.chat import ChatEvent, ChatRequest
from actors.models.gathering import GATHER_S
from actors.models.openai import OpenAIChat, new_session
from actors.workers.own_model import OwnModel


class InProcessChat:
    """A `ChatModel`. The embedded model's child starts with the first request that needs it.

    Args:
        gguf: path of the embedded model's file; None takes the one that is installed.
    """

    def __init__(self, gguf: str | None = None) -> None:
        self._session = new_session()
        self._remote = OpenAIChat(self._session, gather_s=GATHER_S)
        self._own = OwnModel(self._session, gguf)
        self._handover: asyncio.Task[None] | None = None
        self.streams = 0

    @property
    def has_model(self) -> bool:
        """The embedded model runs as a child of this process."""
        return self._own.running

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Yield deltas and at last one `Finished`; closing the iterator cancels the generation.

        Raises:
            ModelError: any failure, typed by cause.
        """
        model = self._own if request.endpoint is None else self._remote
        self.streams += 1
        try:
            async with aclosing(model.stream(request)) as events:
                async for event in events:
                    yield event
        finally:
            self.streams -= 1

    def hand_over(self) -> None:
        """A worker has taken over the embedded model: end ours as soon as nobody uses it."""
        if self._handover is None or self._handover.done():
            self._handover = asyncio.create_task(self._own.retire(), name="hand over the embedded model")

    async def stop(self) -> None:
        """End the child and close all connections."""
        if self._handover is not None:
            self._handover.cancel()
            await asyncio.gather(self._handover, return_exceptions=True)
        await self._own.stop()
        await self._session.close()
