"""The client against a scripted server over real sockets."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest

from actors.models.chat import ChatRequest, Delta, Finished, Usage
from actors.models.errors import (
    BadAnswerError,
    BadRequestError,
    ContextTooLongError,
    EmptyAnswerError,
    ModelAuthError,
    ModelError,
    ModelNotFoundError,
    ModelQuotaError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
    StreamBrokenError,
)
from actors.models.gathering import GATHER_S
from actors.models.openai import OpenAIChat
from tests.scripted_model import Reply, ScriptedModel, html, raw_stream, refuse, words

pytestmark = pytest.mark.service

Ask = Callable[..., ChatRequest]
CORPUS = Path(__file__).parent / "corpus"


async def collect(chat: OpenAIChat, request: ChatRequest) -> tuple[str, str, Finished]:
    text = thought = ""
    end: Finished | None = None
    async for event in chat.stream(request):
        assert end is None, "something came after the end"
        if isinstance(event, Delta):
            text += event.text
            thought += event.reasoning
        else:
            end = event
    assert end is not None
    return text, thought, end


async def partial(chat: OpenAIChat, request: ChatRequest) -> tuple[str, ModelError]:
    text = ""
    try:
        async for event in chat.stream(request):
            text += event.text if isinstance(event, Delta) else ""
    except ModelError as error:
        return text, error
    raise AssertionError("no error came")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(3):
        while not condition():  # noqa: ASYNC110 - the other end of a socket sends us no event
            await asyncio.sleep(0.005)


@asynccontextmanager
async def listening(answer: bytes | None) -> AsyncIterator[str]:
    """Listen on a port, say `answer` to whoever asks and keep the line open; None hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is not None:
            writer.write(answer)
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def test_an_answer_comes_whole(session: aiohttp.ClientSession, ask: Ask) -> None:
    async with ScriptedModel(Reply(text="The sea is calm tonight.")) as server:
        text, _, end = await collect(OpenAIChat(session), ask(server.base_url))

    assert text == "The sea is calm tonight."
    assert end == Finished("stop", Usage(7, 5), "scripted-1")


async def test_a_paced_answer_comes_token_by_token(session: aiohttp.ClientSession, ask: Ask) -> None:
    async with ScriptedModel(Reply(text=words(20), rate=200)) as server:
        stream = OpenAIChat(session).stream(ask(server.base_url))
        deltas = [event async for event in stream if isinstance(event, Delta)]

    assert len(deltas) >= 10
    assert "".join(delta.text for delta in deltas) == "".join(words(20))


async def test_gathered_tokens_come_whole_and_in_fewer_pieces(
    session: aiohttp.ClientSession, ask: Ask
) -> None:
    said = words(120)
    pieces: list[str] = []
    async with ScriptedModel(Reply(text=said, rate=400.0)) as server:
        async for event in OpenAIChat(session, gather_s=GATHER_S).stream(ask(server.base_url)):
            pieces += [event.text] if isinstance(event, Delta) else []

    assert "".join(pieces) == "".join(said)
    assert len(pieces) < len(said) / 2


async def test_gathered_text_comes_before_a_silence(session: aiohttp.ClientSession, ask: Ask) -> None:
    reply = Reply(text=words(60), fault="hang-mid-stream", fault_after=40)
    async with ScriptedModel(reply) as server:
        text, _ = await partial(OpenAIChat(session, idle_s=1.0, gather_s=GATHER_S), ask(server.base_url))

    assert text == "".join(words(40))


async def test_text_before_a_break_survives_gathering(session: aiohttp.ClientSession, ask: Ask) -> None:
    reply = Reply(text=words(60), fault="break-mid-stream", fault_after=40)
    async with ScriptedModel(reply) as server:
        text, error = await partial(OpenAIChat(session, gather_s=GATHER_S), ask(server.base_url))

    assert (text, type(error)) == ("".join(words(40)), StreamBrokenError)


async def test_a_transcript_uses_the_completions_form(session: aiohttp.ClientSession, ask: Ask) -> None:
    async with ScriptedModel(Reply(text="Ahoy!")) as server:
        text, _, _ = await collect(OpenAIChat(session), ask(server.base_url, prompt="Ann: hi\nBob:"))
        seen = server.seen[0]

    assert text == "Ahoy!"
    assert seen.path == "/v1/completions"
    assert seen.body["prompt"] == "Ann: hi\nBob:"


async def test_the_key_goes_along(session: aiohttp.ClientSession, ask: Ask) -> None:
    async with ScriptedModel(api_key="k-1") as server:
        await collect(OpenAIChat(session), ask(server.base_url, key="k-1"))

        assert server.seen[0].key == "k-1"


async def test_a_trailing_slash_in_the_base_url_does_not_matter(
    session: aiohttp.ClientSession, ask: Ask
) -> None:
    async with ScriptedModel() as server:
        await collect(OpenAIChat(session), ask(server.base_url + "/"))


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content", "inline"])
async def test_thought_is_told_apart_from_speech(
    session: aiohttp.ClientSession, ask: Ask, field: str
) -> None:
    script = msgspec.convert({"text": "Hello.", "reasoning": "Who is it?", "reasoning_field": field}, Reply)
    async with ScriptedModel(script) as server:
        text, thought, _ = await collect(OpenAIChat(session), ask(server.base_url))

    assert (text, thought) == ("Hello.", "Who is it?")


@pytest.mark.parametrize("usage", ["chunk", "choice", "none"])
async def test_counts_are_found_in_both_places(session: aiohttp.ClientSession, ask: Ask, usage: str) -> None:
    script = msgspec.convert({"text": "Hello there.", "usage": usage}, Reply)
    async with ScriptedModel(script) as server:
        _, _, end = await collect(OpenAIChat(session), ask(server.base_url))

    assert end.usage == (None if usage == "none" else Usage(7, 2))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refuse(400), BadRequestError),
        (refuse(400, code="context_length_exceeded"), ContextTooLongError),
        (refuse(401), ModelAuthError),
        (refuse(402), ModelQuotaError),
        (refuse(404), ModelNotFoundError),
        (refuse(429), ModelRateLimitedError),
        (refuse(500), ModelUnavailableError),
        (refuse(503), ModelUnavailableError),
        (html(), BadAnswerError),
        (html(502), ModelUnavailableError),
        (Reply(status=307, headers=(("Location", "http://127.0.0.1:9/v1"),)), BadAnswerError),
        (Reply(body=b'{"error":"no such model"}'), ModelUnavailableError),
        (Reply(text="", finish="length"), EmptyAnswerError),
        (Reply(text="", finish=None), BadAnswerError),
        (Reply(text="And then", finish=None), StreamBrokenError),
        (Reply(fault="break-mid-stream"), StreamBrokenError),
        (Reply(fault="error-in-stream"), ModelUnavailableError),
    ],
)
async def test_each_failure_has_its_type(
    session: aiohttp.ClientSession, ask: Ask, reply: Reply, kind: type[ModelError]
) -> None:
    async with ScriptedModel(reply) as server:
        _, error = await partial(OpenAIChat(session), ask(server.base_url))

    assert type(error) is kind


async def test_text_before_a_break_is_delivered(session: aiohttp.ClientSession, ask: Ask) -> None:
    script = Reply(text=words(9), fault="break-mid-stream", fault_after=5, rate=200)
    async with ScriptedModel(script) as server:
        text, _ = await partial(OpenAIChat(session), ask(server.base_url))

    assert text == "".join(words(5))


async def test_retry_after_reaches_the_error(session: aiohttp.ClientSession, ask: Ask) -> None:
    async with ScriptedModel(refuse(429, retry_after="7")) as server:
        _, error = await partial(OpenAIChat(session), ask(server.base_url))

    assert error.retry_after == 7.0


async def test_a_key_that_the_server_repeats_stays_out_of_the_error(
    session: aiohttp.ClientSession, ask: Ask
) -> None:
    async with ScriptedModel(refuse(401, "Incorrect API key provided: k-secret")) as server:
        _, error = await partial(OpenAIChat(session), ask(server.base_url, key="k-secret"))

    assert "k-secret" not in str(error)


async def test_an_answer_in_one_piece_is_understood(session: aiohttp.ClientSession, ask: Ask) -> None:
    body = b'{"choices":[{"message":{"content":"All at once."},"finish_reason":"stop"}]}'
    async with ScriptedModel(Reply(body=body)) as server:
        text, _, _ = await collect(OpenAIChat(session), ask(server.base_url))

    assert text == "All at once."


async def test_a_recorded_stream_passes_through_the_socket(session: aiohttp.ClientSession, ask: Ask) -> None:
    body = (CORPUS / "openrouter_comments_and_cost.sse").read_bytes()
    async with ScriptedModel(raw_stream(body)) as server:
        text, _, end = await collect(OpenAIChat(session), ask(server.base_url))

    assert text == "Aye, captain."
    assert end.usage == Usage(20, 4, 0.00042)


@pytest.mark.parametrize("fault", ["hang-before-headers", "hang-mid-stream"])
async def test_a_silent_server_is_left_after_the_idle_time(
    session: aiohttp.ClientSession, ask: Ask, fault: str
) -> None:
    async with ScriptedModel(msgspec.convert({"fault": fault}, Reply)) as server:
        begun = time.monotonic()
        _, error = await partial(OpenAIChat(session, idle_s=0.2), ask(server.base_url))

    assert isinstance(error, ModelTimeoutError)
    assert time.monotonic() - begun < 1.0


async def test_comments_keep_a_stream_alive(session: aiohttp.ClientSession, ask: Ask) -> None:
    async with ScriptedModel(Reply(text="Here.", comments=8)) as server:
        text, _, _ = await collect(OpenAIChat(session, idle_s=0.2), ask(server.base_url))

    assert text == "Here."


async def test_the_deadline_ends_a_stream_that_still_flows(session: aiohttp.ClientSession, ask: Ask) -> None:
    async with ScriptedModel(Reply(text=words(500), rate=50)) as server:
        begun = time.monotonic()
        text, error = await partial(OpenAIChat(session), ask(server.base_url, within=0.3))
        took = time.monotonic() - begun

    assert isinstance(error, ModelTimeoutError)
    assert text.startswith("The lamp")
    assert took < 1.0


async def test_a_deadline_in_the_past_sends_nothing(session: aiohttp.ClientSession, ask: Ask) -> None:
    async with ScriptedModel() as server:
        _, error = await partial(OpenAIChat(session), ask(server.base_url, within=-1.0))

        assert isinstance(error, ModelTimeoutError)
        assert server.seen == []


async def test_closing_the_iterator_closes_the_connection_at_once(
    session: aiohttp.ClientSession, ask: Ask
) -> None:
    async with ScriptedModel(Reply(text=words(500), rate=50)) as server:
        async with aclosing(OpenAIChat(session).stream(ask(server.base_url))) as events:
            async for _ in events:
                break
        left = time.monotonic()
        await until(lambda: server.seen[0].outcome == "cancelled")

    assert (server.seen[0].ended_at or 0) - left < 0.2


async def test_cancelling_the_task_closes_the_connection_at_once(
    session: aiohttp.ClientSession, ask: Ask
) -> None:
    async with ScriptedModel(Reply(fault="hang-mid-stream")) as server:
        task = asyncio.create_task(collect(OpenAIChat(session), ask(server.base_url)))
        await until(lambda: server.seen and server.seen[0].first_token_at)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: server.seen[0].outcome == "cancelled")


async def test_a_regular_end_leaves_the_connection_for_the_next(
    session: aiohttp.ClientSession, ask: Ask
) -> None:
    async with ScriptedModel() as server:
        for _ in range(3):
            await collect(OpenAIChat(session), ask(server.base_url))
        ports = {key.port for key in session.connector._conns} if session.connector else set()
        kept = sum(len(held) for held in session.connector._conns.values()) if session.connector else 0

    assert ports == {server.port}
    assert kept == 1


async def test_a_finish_reason_ends_it_even_if_the_connection_stays_open(
    ask: Ask, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.models.openai.GRACE_S", 0.1)
    event = b'data: {"choices":[{"delta":{"content":"Bye."},"finish_reason":"stop"}]}\n\n'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    async with listening(head + event) as base_url:
        text, _, end = await collect(OpenAIChat(session), ask(base_url))

    assert (text, end.reason) == ("Bye.", "stop")


async def test_nobody_at_the_port_is_unavailable(session: aiohttp.ClientSession, ask: Ask) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        _, error = await partial(OpenAIChat(session), ask(f"http://127.0.0.1:{unused.getsockname()[1]}/v1"))

    assert type(error) is ModelUnavailableError


async def test_something_that_does_not_speak_http_is_no_answer(
    session: aiohttp.ClientSession, ask: Ask
) -> None:
    async with listening(b"220 mail.example ESMTP\r\n\r\n") as base_url:
        _, error = await partial(OpenAIChat(session), ask(base_url))

    assert type(error) is BadAnswerError


async def test_a_server_that_hangs_up_is_unavailable(session: aiohttp.ClientSession, ask: Ask) -> None:
    async with listening(None) as base_url:
        _, error = await partial(OpenAIChat(session), ask(base_url))

    assert type(error) is ModelUnavailableError


@pytest.mark.parametrize("base_url", ["not a url", "ftp://host/v1", "http://", "http://host:port/v1"])
async def test_an_address_that_is_none_is_a_bad_request(
    session: aiohttp.ClientSession, ask: Ask, base_url: str
) -> None:
    _, error = await partial(OpenAIChat(session), ask(base_url))

    assert type(error) is BadRequestError


async def test_a_request_without_endpoint_is_not_for_this_client(session: aiohttp.ClientSession) -> None:
    _, error = await partial(OpenAIChat(session), ChatRequest(id="1", endpoint=None))

    assert type(error) is BadRequestError


async def test_sixty_four_streams_at_once_all_end(session: aiohttp.ClientSession, ask: Ask) -> None:
    async with ScriptedModel(Reply(text=words(30), rate=60, first_token_s=0.02)) as server:
        chat = OpenAIChat(session)
        results = await asyncio.gather(*(collect(chat, ask(server.base_url)) for _ in range(64)))

    assert {text for text, _, _ in results} == {"".join(words(30))}
