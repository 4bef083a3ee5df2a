"""Servers on this machine are asked; what merely answers is not taken for one."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

import aiohttp
import pytest

from actors.models.discovery import USUAL_PORTS, find_local_servers
from tests.scripted_model import ScriptedModel

pytestmark = pytest.mark.service

Listing = Callable[..., AbstractAsyncContextManager[str]]


def port_of(base_url: str) -> int:
    return urlsplit(base_url).port or 0


async def test_servers_come_in_the_order_of_the_ports(session: aiohttp.ClientSession) -> None:
    async with ScriptedModel(models=["a"]) as one, ScriptedModel(models=["b", "text-embedding-x"]) as two:
        found = await find_local_servers(session, {"ollama": two.port, "vllm": one.port})

    assert [(server.provider, server.base_url) for server in found] == [
        ("ollama", two.base_url),
        ("vllm", one.base_url),
    ]
    assert [model.id for model in found[0].chat_models] == ["b"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>It works!</html>", "text/html"),
        (b"It works!", "text/plain"),
        (b'{"status":"ok"}', "application/json"),
        (b'{"data":[{"name":"router"}]}', "application/json"),
        (b"", "application/json"),
    ],
)
async def test_whatever_else_answers_on_the_port_is_turned_away(
    session: aiohttp.ClientSession, listing: Listing, body: bytes, kind: str
) -> None:
    async with listing(body, kind) as base_url:
        assert await find_local_servers(session, {"llama.cpp": port_of(base_url)}) == ()


async def test_a_server_that_wants_a_key_is_not_ours_to_use(session: aiohttp.ClientSession) -> None:
    async with ScriptedModel(api_key="k") as server:
        assert await find_local_servers(session, {"vllm": server.port}) == ()


async def test_silent_ports_are_waited_for_together_and_briefly(
    session: aiohttp.ClientSession, silent_port: int
) -> None:
    begun = time.monotonic()
    found = await find_local_servers(session, {"a": silent_port, "b": silent_port, "c": silent_port})

    assert found == ()
    assert time.monotonic() - begun < 0.8


async def test_a_closed_port_is_nothing(session: aiohttp.ClientSession) -> None:
    async with ScriptedModel() as server:
        port = server.port

    assert await find_local_servers(session, {"ollama": port}) == ()


def test_the_usual_ports_are_the_known_ones() -> None:
    assert USUAL_PORTS == {"ollama": 11434, "lm-studio": 1234, "llama.cpp": 8080, "vllm": 8000}
