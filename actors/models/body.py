"""The JSON that a chat request becomes, in the dialect of its server."""

from typing import Any

import msgspec

from actors.models.chat import ChatRequest, Endpoint, Sampling

encode = msgspec.json.Encoder().encode

LOCAL_ONLY = ("top_k", "min_p", "repeat_penalty")
"""Parameters that OpenAI's own API refuses; every server that runs open models takes the first two."""


def path_of(request: ChatRequest) -> str:
    """Return the path below the base URL: `/completions` for a plain transcript."""
    return "/chat/completions" if request.prompt is None else "/completions"


def body_of(request: ChatRequest, endpoint: Endpoint) -> bytes:
    """Return the body, streaming and with token counts asked for."""
    body: dict[str, Any] = {
        "model": endpoint.model,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.prompt is None:
        body["messages"] = request.messages
    else:
        body["prompt"] = request.prompt
    return encode(body | _parameters(request.sampling, endpoint))


def _parameters(sampling: Sampling, endpoint: Endpoint) -> dict[str, Any]:
    """Return the sampling under the names that this server knows."""
    chosen: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(sampling).items() if value not in {None, ()}
    }
    if endpoint.provider == "openai":
        for name in LOCAL_ONLY:
            chosen.pop(name, None)
        if "max_tokens" in chosen:
            chosen["max_completion_tokens"] = chosen.pop("max_tokens")
    elif endpoint.provider in {"openrouter", "vllm"} and "repeat_penalty" in chosen:
        chosen["repetition_penalty"] = chosen.pop("repeat_penalty")
    return chosen
