"""Generating one reply: the only layer that tries again."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from msgspec.structs import replace

from actors.context.plan import ContextPlan
from actors.context.request import Prepared, names_in, prepare_request
from actors.models.chat import Finished
from actors.models.errors import (
    ContentRefusedError,
    ContextTooLongError,
    ModelError,
    ModelTimeoutError,
    StreamBrokenError,
)
from actors.personality.ports import Ports
from actors.reply.pipeline import ReplyPipeline
from actors.workers.errors import WorkerLostError
from config import telemetry
from config.logs import get_logger
from config.trigger_points import reach

log = get_logger(__name__)

MAX_ATTEMPTS = 3
FIRST_PAUSE_S = 0.5
LEAST_TIME_S = 1.0


class Generation:
    """One reply, streamed to `show` as whole visible text so far.

    It tries again only for errors that are worth it and while nothing is visible; when a worker is lost
    in mid-stream, the reply is generated anew and takes the place of what is shown once it is longer. So it
    does with `held`, which an earlier process has shown.
    """

    def __init__(
        self,
        turn: str,
        plan: ContextPlan,
        ports: Ports,
        show: Callable[[str], None],
        on_attempt: Callable[[int], None],
        held: str = "",
    ) -> None:
        self._turn = turn
        self._plan = plan
        self._ports = ports
        self._show = show
        self._on_attempt = on_attempt
        self._scale = 1.0
        self._held = self.shown = held
        self.attempt = 0

    async def run(self) -> str:
        """Return the final text.

        Raises:
            ModelError: no attempt gave a whole reply; `shown` holds what is visible of it.
        """
        deadline = asyncio.get_running_loop().time() + self._ports.deadline_s
        try:
            async with asyncio.timeout_at(deadline):
                return await self._attempts(deadline)
        except TimeoutError as error:
            raise ModelTimeoutError("The deadline of the turn has passed.") from error

    async def _attempts(self, deadline: float) -> str:
        while True:
            self.attempt += 1
            self._on_attempt(self.attempt)
            if asyncio.get_running_loop().time() >= deadline:
                raise TimeoutError
            try:
                with telemetry.span("model", attempt=self.attempt):
                    return await self._one_attempt(deadline)
            except ModelError as error:
                pause = self._pause(error)
                left = deadline - asyncio.get_running_loop().time() - pause
                if not self._may_try_again(error) or left < LEAST_TIME_S:
                    raise
                log.info("attempt_failed", turn=self._turn, attempt=self.attempt, error=type(error).__name__)
            await asyncio.sleep(pause)

    def _may_try_again(self, error: ModelError) -> bool:
        if self.attempt >= MAX_ATTEMPTS:
            return False
        if isinstance(error, ContextTooLongError):
            self._scale /= 2
            return self.shown == self._held
        return error.retryable and (self.shown == self._held or isinstance(error, WorkerLostError))

    def _pause(self, error: ModelError) -> float:
        if isinstance(error, WorkerLostError | ContextTooLongError):
            return 0.0
        backoff: float = FIRST_PAUSE_S * 2 ** (self.attempt - 1) * (0.5 + self._ports.jitter())
        return max(error.retry_after or 0.0, backoff)

    async def _one_attempt(self, deadline: float) -> str:
        tidy = self._ports.voice.profile.form == "transcript"
        pipeline = ReplyPipeline(self._plan.identity.label, names_in(self._plan), tidy=tidy)
        reason = await self._stream(self._prepare(deadline), pipeline)
        if reason == "content_filter" and not pipeline.visible:
            raise ContentRefusedError
        text = pipeline.end(truncated=reason == "length")
        self.shown = text
        return text

    async def _stream(self, prepared: Prepared, pipeline: ReplyPipeline) -> str:
        pending = prepared.opening
        events = self._ports.model.stream(prepared.request)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Finished):
                    return event.reason
                reach("at_first_token")
                pending += event.text
                if event.text.strip() or not prepared.opening:
                    self._see(pipeline.feed(pending))
                    pending = ""
                if pipeline.ended:
                    return "stop"
        raise StreamBrokenError

    def _see(self, visible: str) -> None:
        """Show more; what a former attempt showed stays until this one has caught up."""
        if len(visible) > len(self.shown):
            self.shown = visible
            self._show(visible)

    def _prepare(self, deadline: float) -> Prepared:
        voice = self._ports.voice
        left = deadline - asyncio.get_running_loop().time()
        prepared = prepare_request(
            self._plan, voice.profile, f"{self._turn}:{self.attempt}", scale=self._scale
        )
        request = replace(
            prepared.request,
            endpoint=voice.endpoint,
            deadline=self._ports.now().timestamp() + left,
            trace=telemetry.carrier(),
        )
        return replace(prepared, request=request)
