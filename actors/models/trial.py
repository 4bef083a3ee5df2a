"""A short generation that shows whether a model answers, and how fast."""

import time
from typing import ClassVar
from uuid import uuid4

import msgspec

from actors.models.chat import ChatMessage, ChatModel, ChatRequest, Delta, Endpoint, Usage
from actors.models.errors import ModelError
from actors.models.profiles import PromptProfile

TRIAL_S = 60.0
TRIAL_TOKENS = 256
"""Enough for a model that thinks before it speaks."""

QUESTION = "Say good evening to a guest, in one short sentence."
TRANSCRIPT = (
    "The host greets every guest warmly.\n\nGuest: Hello!\nHost: Hello, come in!\nGuest: Good evening!\nHost:"
)


class TestReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a trial went. Times in seconds; the rate counts what came after the first token."""

    ok: bool
    text: str = ""
    first_token_s: float | None = None
    total_s: float = 0.0
    tokens_per_s: float | None = None
    problem: str | None = None
    __test__: ClassVar[bool] = False  # pytest: not a class of tests


async def try_model(model: ChatModel, endpoint: Endpoint | None, profile: PromptProfile) -> TestReport:
    """Ask for one sentence. A failure is in the report, not raised."""
    watch = _Watch()
    try:
        async for event in model.stream(_request(endpoint, profile)):
            if isinstance(event, Delta):
                watch.take(event)
            else:
                return watch.report(event.usage)
    except ModelError as error:
        return watch.report(None, str(error))
    return watch.report(None, "The stream had no end")


class _Watch:
    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._first: float | None = None
        self._pieces = 0
        self._text = ""

    def take(self, delta: Delta) -> None:
        self._first = self._first or time.monotonic()
        self._pieces += 1
        self._text += delta.text

    def report(self, usage: Usage | None, problem: str | None = None) -> TestReport:
        ended = time.monotonic()
        first = self._first or ended
        tokens = (usage.completion_tokens if usage else 0) or self._pieces
        flowing = ended - first
        return TestReport(
            ok=problem is None,
            text=self._text.strip(),
            first_token_s=None if self._first is None else first - self._begun,
            total_s=ended - self._begun,
            tokens_per_s=(tokens - 1) / flowing if tokens > 1 and flowing > 0 else None,
            problem=problem,
        )


def _request(endpoint: Endpoint | None, profile: PromptProfile) -> ChatRequest:
    limit = min(TRIAL_TOKENS, profile.reply_tokens)
    is_chat = profile.form == "chat"
    return ChatRequest(
        id=f"trial:{uuid4()}",
        endpoint=endpoint,
        messages=(ChatMessage("user", QUESTION),) if is_chat else (),
        prompt=None if is_chat else TRANSCRIPT,
        sampling=msgspec.structs.replace(profile.sampling, max_tokens=limit),
        deadline=time.time() + TRIAL_S,
    )
