"""The body of a request is what its server understands."""

from typing import Any

import msgspec
import pytest

from actors.models.body import body_of, path_of
from actors.models.chat import ChatMessage, ChatRequest, Endpoint, Sampling

pytestmark = pytest.mark.unit

EVERYTHING = Sampling(max_tokens=5, temperature=0.0, top_k=3, min_p=0.1, repeat_penalty=1.1, stop=("\n",))


def sent(provider: str = "openai-compatible", prompt: str | None = None) -> dict[str, Any]:
    endpoint = Endpoint("http://x/v1", "m", provider=provider)
    messages = () if prompt else (ChatMessage("user", "hi"),)
    request = ChatRequest(id="1", endpoint=endpoint, messages=messages, prompt=prompt, sampling=EVERYTHING)
    return msgspec.json.decode(body_of(request, endpoint), type=dict[str, Any])


def test_a_chat_asks_for_a_stream_with_counts() -> None:
    assert sent() == {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 5,
        "temperature": 0.0,
        "top_k": 3,
        "min_p": 0.1,
        "repeat_penalty": 1.1,
        "stop": ["\n"],
    }


def test_a_transcript_has_a_prompt_and_no_messages() -> None:
    body = sent(prompt="Ann: hi\nBob:")

    assert body["prompt"] == "Ann: hi\nBob:"
    assert "messages" not in body


def test_a_transcript_goes_to_the_completions_path() -> None:
    assert path_of(ChatRequest(id="1", endpoint=None, prompt="x")) == "/completions"
    assert path_of(ChatRequest(id="1", endpoint=None)) == "/chat/completions"


def test_openai_gets_only_what_it_knows() -> None:
    body = sent("openai")

    assert body["max_completion_tokens"] == 5
    assert not {"max_tokens", "top_k", "min_p", "repeat_penalty"} & set(body)


def test_openrouter_has_its_own_name_for_the_repeat_penalty() -> None:
    body = sent("openrouter")

    assert body["repetition_penalty"] == 1.1
    assert "repeat_penalty" not in body
