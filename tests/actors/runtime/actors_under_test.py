"""Actors that tests are told with."""

import asyncio
from typing import Any

from typing_extensions import override

from actors.runtime import AsyncioActor


class Recorder(AsyncioActor):
    """Writes down everything, fails and waits on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []
        self.gate = asyncio.Event()

    @override
    def on_stop(self) -> None:
        self.seen.append("on_stop")

    @override
    def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        self.seen.append(("on_failure", exception_type))

    @override
    def on_receive(self, message: Any) -> Any:
        self.seen.append(message)
        if message == "wait":
            return self._wait()
        if isinstance(message, BaseException):
            raise message
        return message

    async def _wait(self) -> str:
        await self.gate.wait()
        self.seen.append("waited")
        return "waited"


def actor_of(ref: Any) -> Any:
    """Return the actor behind a reference."""
    return ref.mailbox.reader.actor
