"""Generating one reply: the only layer that tries again."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from msgspec.structs import replace

from actors.context.plan import ContextPlan
from actors.context.request import Prepared, names_in, prepare_request
from actors.models.chat import Endpoint, Finished
from actors.models.errors import (
    ContentRefusedError,
    ContextTooLongError,
    ModelError,
    ModelTimeoutError,
    StreamBrokenError,
)
from actors.personality.ports import Candidate, Ports
from actors.reply.pipeline import ReplyPipeline
from actors.workers.errors import WorkerLostError
from config import telemetry
from config.logs import get_logger
from config.trigger_points import reach

log = get_logger(__name__)

MAX_ATTEMPTS = 3
"""Of a turn; beyond them, only a model that has not been asked in this turn is tried."""

FIRST_PAUSE_S = 0.5
LEAST_TIME_S = 1.0

PATIENCE_S = 5.0
"""The longest pause that a server may ask for in mid-turn; beyond it, people are told at once."""


class Generation:
    """One reply, streamed to `show` as whole visible text so far.

    It tries again only for errors that are worth it and while nothing is visible, with another model if there
    is one that has not failed in this turn. When a worker is lost in mid-stream, the reply is generated anew
    and takes the place of what is shown once it is longer. So it does with `held`, which an earlier process
    has shown.
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
        self._using: Endpoint | None = None
        self._failed: set[Endpoint | None] = set()
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
            candidate = self._choose()
            try:
                with telemetry.span("model", attempt=self.attempt, model=_name(self._using)):
                    return await self._one_attempt(candidate, deadline)
            except ModelError as error:
                pause = self._pause_before_next(error)
                if pause is None or deadline - asyncio.get_running_loop().time() - pause < LEAST_TIME_S:
                    raise
                self._log("attempt_failed", error=type(error).__name__)
            await asyncio.sleep(pause)

    def _choose(self) -> Candidate:
        """Return the best model that has not failed in this turn, or the best one once all have."""
        candidates = self._ports.voice.candidates()
        fresh = (each for each in candidates if each[0] not in self._failed)
        chosen = next(fresh, candidates[0])
        self._using = chosen[0]
        return chosen

    def _pause_before_next(self, error: ModelError) -> float | None:
        """Return the seconds to wait before another attempt, or None if there is to be none."""
        is_clean = self.shown == self._held
        if isinstance(error, ContextTooLongError):
            self._scale /= 2
            return 0.0 if is_clean and self.attempt < MAX_ATTEMPTS else None
        if isinstance(error, WorkerLostError):
            return 0.0 if self.attempt < MAX_ATTEMPTS else None
        if is_clean and error.elsewhere and self._has_another():
            return 0.0
        asked = error.retry_after or 0.0
        if not (is_clean and error.retryable and asked <= PATIENCE_S and self.attempt < MAX_ATTEMPTS):
            return None
        backoff: float = FIRST_PAUSE_S * 2 ** (self.attempt - 1) * (0.5 + self._ports.jitter())
        return max(asked, backoff)

    def _has_another(self) -> bool:
        """Note that the model in use failed, and tell whether another one has not."""
        self._failed.add(self._using)
        return any(endpoint not in self._failed for endpoint, _ in self._ports.voice.candidates())

    async def _one_attempt(self, candidate: Candidate, deadline: float) -> str:
        tidy = candidate[1].form == "transcript"
        pipeline = ReplyPipeline(self._plan.identity.label, names_in(self._plan), tidy=tidy)
        reason = await self._stream(self._prepare(candidate, deadline), pipeline)
        if reason == "content_filter" and not pipeline.visible:
            raise ContentRefusedError
        text = pipeline.end(truncated=reason == "length")
        self.shown = text
        self._log("model_answered")
        return text

    async def _stream(self, prepared: Prepared, pipeline: ReplyPipeline) -> str:
        pending = prepared.opening
        events = self._ports.model.stream(prepared.request)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Finished):
                    return event.reason
                reach("at_token")
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

    def _prepare(self, candidate: Candidate, deadline: float) -> Prepared:
        endpoint, profile = candidate
        left = deadline - asyncio.get_running_loop().time()
        prepared = prepare_request(self._plan, profile, f"{self._turn}:{self.attempt}", scale=self._scale)
        request = replace(
            prepared.request,
            endpoint=endpoint,
            deadline=self._ports.now().timestamp() + left,
            trace=telemetry.carrier(),
        )
        return replace(prepared, request=request)

    def _log(self, event: str, **fields: str) -> None:
        log.info(event, turn=self._turn, attempt=self.attempt, model=_name(self._using), **fields)


def _name(endpoint: Endpoint | None) -> str:
    return "embedded" if endpoint is None else endpoint.model
