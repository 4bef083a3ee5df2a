"""Tokens that lie in the kernel for a moment, on the event loop that the workers run."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
import uvloop

from actors.models.chat import ChatRequest, Delta, Endpoint
from actors.models.errors import ModelError
from actors.models.gathering import GATHER_S, TOGETHER
from actors.models.openai import OpenAIChat, new_session
from tests.scripted_model import Reply, ScriptedModel

pytestmark = pytest.mark.service

BREAKS = Reply(text="I lost my thread.", rate=200.0, fault="break-mid-stream", fault_after=2)
GOES_ON = Reply(text="All is well again.", rate=100.0)


async def said(chat: OpenAIChat, url: str) -> str:
    """Ask and return what came; a failure ends it."""
    text = ""
    request = ChatRequest(id="one", endpoint=Endpoint(url, "scripted-1"), prompt="Speak.")
    try:
        async for event in chat.stream(request):
            text += event.text if isinstance(event, Delta) else ""
    except ModelError as error:
        return f"{text} ({type(error).__name__})"
    return text


def together(*replies: Reply) -> list[str]:
    """Ask for all replies at once, in this order, and return what came of each."""

    async def ask() -> list[str]:
        async with new_session() as session, ScriptedModel(list(replies)) as server:
            chat = OpenAIChat(session, idle_s=1.0, gather_s=GATHER_S)
            answers: list[Coroutine[Any, Any, str]] = [said(chat, server.base_url) for _ in replies]
            return list(await asyncio.gather(*answers))

    return uvloop.run(ask())


def test_a_stream_goes_on_when_another_one_of_its_beat_breaks() -> None:
    broken, whole = together(BREAKS, GOES_ON)

    assert "StreamBrokenError" in broken
    assert whole == "All is well again."


def test_more_streams_than_one_beat_holds_all_come_whole() -> None:
    assert set(together(*[GOES_ON] * (TOGETHER + 3))) == {"All is well again."}
