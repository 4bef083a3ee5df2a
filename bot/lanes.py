"""Work in order per channel, channels side by side."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from config.logs import get_logger
from config.metrics import shed

log = get_logger(__name__)

Job = Callable[[], Awaitable[None]]


class Lanes:
    """One queue per channel with work; a channel without work costs nothing.

    A lane holds at most `limit` jobs; beyond that the newest is refused and counted.

    Args:
        limit: jobs per channel.
        on_drained: told of each channel whose lane is empty again.
    """

    def __init__(self, limit: int = 1000, on_drained: Callable[[int], None] = lambda _: None) -> None:
        self._limit = limit
        self._on_drained = on_drained
        self._lanes: dict[int, deque[Job]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def put(self, channel_id: int, job: Job) -> bool:
        """Queue `job` behind the channel's others; False when the lane is full."""
        lane = self._lanes.get(channel_id)
        if lane is None:
            self._lanes[channel_id] = lane = deque([job])
            task = asyncio.create_task(self._drain(channel_id, lane))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            return True
        if len(lane) >= self._limit:
            shed.labels("lane_full").inc()
            return False
        lane.append(job)
        return True

    async def idle(self) -> None:
        """Wait until every queued job is done."""
        while self._running:
            await asyncio.wait(self._running)

    async def _drain(self, channel_id: int, lane: deque[Job]) -> None:
        while lane:
            try:
                await lane[0]()
            except Exception:
                log.exception("lane_job_failed", channel=channel_id)
            lane.popleft()
        del self._lanes[channel_id]
        self._on_drained(channel_id)
