"""A worker whose model does what the prompt says: `python -m tests.actors.workers.blob_worker ORDERS`.

A prompt is a list of steps: `blob:SIZE`, `say:TEXT`, and `wait`, which never ends.
"""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator

import msgspec

from actors.models.chat import ChatRequest, Delta, Finished
from actors.workers.orders import Orders
from actors.workers.results import Blob, Result
from actors.workers.work import work


def image(size: int) -> Blob:
    """Return a blob of so many bytes, always the same ones."""
    return Blob("image/png", random.Random(size).randbytes(size))


class BlobModel:
    """Counts what was asked of it in `made`."""

    def __init__(self) -> None:
        self.made = 0

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Result, None]:
        for step in (request.prompt or "").split():
            kind, _, value = step.partition(":")
            self.made += 1
            match kind:
                case "blob":
                    yield image(int(value))
                case "say":
                    yield Delta(value)
                case _:
                    await asyncio.Event().wait()
        yield Finished()


if __name__ == "__main__":
    asyncio.run(work(msgspec.json.decode(sys.argv[1], type=Orders), BlobModel()))
