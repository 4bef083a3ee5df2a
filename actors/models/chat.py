"""What the stage asks of a chat model, and what comes back."""

from collections.abc import AsyncGenerator
from typing import Literal, Protocol

import msgspec

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "content_filter", "cancelled", "other"]


class ChatMessage(msgspec.Struct, frozen=True):
    """One message of a prompt."""

    role: Role
    content: str


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """Parameters of generation; None leaves the server's default."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repeat_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


class Endpoint(msgspec.Struct, frozen=True):
    """An OpenAI-compatible server. `base_url` ends before `/chat/completions`; `provider` is for labels."""

    base_url: str
    model: str
    api_key: str | None = None
    provider: str = "openai-compatible"


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One generation. `prompt` set means a plain transcript for `/completions`; `messages` is then empty.

    `endpoint` None means the embedded model. `deadline` is Unix time in seconds, for the whole stream.
    `id` names the attempt (turn id and attempt), so that late results can be told apart.
    """

    id: str
    endpoint: Endpoint | None
    messages: tuple[ChatMessage, ...] = ()
    prompt: str | None = None
    sampling: Sampling = Sampling()
    deadline: float = 0.0
    trace: dict[str, str] = {}


class Usage(msgspec.Struct, frozen=True):
    """Tokens as the provider counts them; `cost` in USD where it says so."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None


class Delta(msgspec.Struct, frozen=True, tag="delta"):
    """New text; `reasoning` is thought that is never shown as speech."""

    text: str = ""
    reasoning: str = ""


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The stream's regular end; always the last event."""

    reason: FinishReason = "stop"
    usage: Usage | None = None
    model: str = ""


ChatEvent = Delta | Finished


class ChatModel(Protocol):
    """Anything that answers a chat request: a client in this process, or a pool of workers."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Yield deltas and at last one `Finished`. Closing the iterator cancels the generation.

        Raises:
            ModelError: any failure, typed by cause (`actors.models.errors`).
        """
        ...
