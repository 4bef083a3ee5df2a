"""A server's list of models is read; anything else that answers is turned away."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import aiohttp
import msgspec
import pytest

from actors.models.catalogue import ModelInfo, list_models, ping
from actors.models.chat import Endpoint
from actors.models.errors import BadAnswerError, ModelAuthError, ModelUnavailableError
from tests.scripted_model import ScriptedModel

pytestmark = pytest.mark.service


Listing = Callable[..., AbstractAsyncContextManager[str]]
Listed = Callable[[object], Awaitable[tuple[ModelInfo, ...]]]


@pytest.fixture
def listed(session: aiohttp.ClientSession, listing: Listing) -> Listed:
    """Read the models of a server that answers `body`."""

    async def read(body: object) -> tuple[ModelInfo, ...]:
        async with listing(msgspec.json.encode(body)) as base_url:
            return await list_models(session, Endpoint(base_url, ""))

    return read


async def test_the_models_come_in_the_servers_order(session: aiohttp.ClientSession) -> None:
    async with ScriptedModel(models=["b", "a"]) as server:
        found = await list_models(session, Endpoint(server.base_url, ""))

    assert [model.id for model in found] == ["b", "a"]


@pytest.mark.parametrize(
    ("extra", "context"),
    [
        ({"context_length": 32768}, 32768),
        ({"max_model_len": 4096}, 4096),
        ({"meta": {"n_ctx_train": 8192, "vocab_type": 2}}, 8192),
        ({"meta": {"n_ctx": 2048, "n_ctx_train": 8192}}, 2048),
        ({}, None),
    ],
)
async def test_the_context_is_found_in_each_servers_place(
    listed: Listed, extra: dict[str, object], context: int | None
) -> None:
    (model,) = await listed({"data": [{"id": "m"} | extra]})

    assert model.context_tokens == context


@pytest.mark.parametrize(
    ("name", "is_chat"),
    [
        ("llama3.2:3b", True),
        ("qwen/qwen3-8b", True),
        ("SmolLM2-135M-Instruct", True),
        ("text-embedding-3-small", False),
        ("nomic-embed-text:latest", False),
        ("BAAI/bge-m3", False),
        ("whisper-1", False),
        ("gpt-image-1", False),
        ("tts-1-hd", False),
    ],
)
async def test_a_model_that_cannot_chat_is_known_by_its_name(
    listed: Listed, name: str, *, is_chat: bool
) -> None:
    (model,) = await listed({"data": [{"id": name}]})

    assert model.is_chat is is_chat


async def test_what_the_server_says_about_output_counts_more_than_the_name(listed: Listed) -> None:
    body = {"data": [{"id": "image-and-text", "architecture": {"output_modalities": ["text", "image"]}}]}
    (model,) = await listed(body)

    assert model.is_chat


async def test_a_server_without_models_has_an_empty_list(listed: Listed) -> None:
    assert await listed({"object": "list", "data": None}) == ()


@pytest.mark.parametrize("body", [{"status": "ok"}, [], "hello", {"data": [{"name": "x"}]}, {"data": "x"}])
async def test_other_json_is_no_model_server(listed: Listed, body: object) -> None:
    with pytest.raises(BadAnswerError):
        await listed(body)


async def test_a_web_page_is_no_model_server(session: aiohttp.ClientSession, listing: Listing) -> None:
    async with listing(b"<html>", "text/html") as base_url:
        with pytest.raises(BadAnswerError):
            await list_models(session, Endpoint(base_url, ""))


async def test_a_refused_key_says_so(session: aiohttp.ClientSession) -> None:
    async with ScriptedModel(api_key="right") as server:
        with pytest.raises(ModelAuthError):
            await list_models(session, Endpoint(server.base_url, "", "wrong"))


async def test_ping_measures_a_living_server(session: aiohttp.ClientSession) -> None:
    async with ScriptedModel() as server:
        assert 0 < await ping(session, Endpoint(server.base_url, "")) < 3


async def test_ping_of_a_gone_server_fails(session: aiohttp.ClientSession) -> None:
    async with ScriptedModel() as server:
        gone = server.base_url

    with pytest.raises(ModelUnavailableError):
        await ping(session, Endpoint(gone, ""))
