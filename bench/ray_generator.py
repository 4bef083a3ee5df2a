"""What a plain Ray generator does with the same streams: the peer of `troupe bench workers`.

A program of its own, since Ray must not live in the measuring process: it prints one JSON line.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import ray as typed_ray
import uvloop

from actors.models.chat import ChatEvent, ChatRequest
from actors.models.openai import OpenAIChat, new_session
from actors.workers.ray_driver import start_ray
from bench.workers import Model, measure_idle, measure_loaded

ray: Any = typed_ray
"""Ray's own annotations are full of gaps."""

CONCURRENCY = 1_000
ACTORS = 2


class Talker:
    """Calls the model inside Ray; every event goes back as an item of a generator."""

    def __init__(self) -> None:
        self._chat: OpenAIChat | None = None

    async def talk(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Yield the events of a stream."""
        if self._chat is None:
            self._chat = OpenAIChat(new_session())
        async for event in self._chat.stream(request):
            yield event

    def cpu_s(self) -> float:
        """Return the processor time of this worker."""
        return time.process_time()


OPTIONS: dict[str, Any] = {"num_cpus": 0, "max_concurrency": CONCURRENCY}
RemoteTalker: Any = ray.remote(**OPTIONS)(Talker)


class RayGenerator:
    """A `ChatModel` over Ray's streaming generators."""

    def __init__(self) -> None:
        self._talkers = [RemoteTalker.remote() for _ in range(ACTORS)]
        self._calls = 0

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Yield what a talker says."""
        self._calls += 1
        talker = self._talkers[self._calls % ACTORS]
        items = talker.talk.options(num_returns="streaming").remote(request)
        try:
            async for item in items:
                yield await item
        finally:
            ray.cancel(items)  # else a stream that nobody reads any more goes on beside the next ones

    def cpu_s(self) -> float:
        """Return the processor time of all talkers."""
        return float(sum(ray.get([talker.cpu_s.remote() for talker in self._talkers])))


async def _measure(model: Model) -> dict[str, float]:
    generator = RayGenerator()
    await asyncio.to_thread(generator.cpu_s)  # both have started
    return await measure_idle(generator, model) | await measure_loaded(generator, model, generator.cpu_s)


def main() -> None:
    """Measure against the scripted server at `--base-url`."""
    parser = argparse.ArgumentParser(prog="python -m bench.ray_generator")
    parser.add_argument("--base-url", required=True)
    options = parser.parse_args()
    start_ray("local")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(_measure(Model(options.base_url)))
    sys.stdout.write(msgspec.json.encode(figures).decode() + "\n")


if __name__ == "__main__":
    main()
