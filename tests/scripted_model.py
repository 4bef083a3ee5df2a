"""A model server that speaks the OpenAI protocol and does what a script says: timings, quirks and faults.

In a test: `async with ScriptedModel(Reply(text="Hello.")) as server: server.base_url`.
As a process: `python -m tests.scripted_model --rate 60 --ttft 0.05` prints one JSON line with its `base_url`;
`GET /scripted/seen` tells what was asked, `PUT /scripted/replies` (a list of `Reply`) changes the script.
"""

import argparse
import asyncio
import itertools
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any, Literal, Self

import msgspec
import uvloop
from aiohttp import web

Fault = Literal["hang-before-headers", "hang-mid-stream", "break-mid-stream", "error-in-stream"]
Form = Literal["chat", "completions"]

WORDS = "The lamp in the harbour burns all night and nobody asks who lights it, least of all the sea. "
FOREVER_S = 3600.0


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What one request gets.

    Attributes:
        text: what is said; a string is cut into words, a tuple is sent token by token.
        first_token_s: seconds between the request and the first token.
        rate: tokens per second after the first; 0 sends all at once.
        finish: the finish reason; None leaves it out, as a stream does that breaks off politely.
        usage: where the token counts stand: a chunk of their own, the last choice, or nowhere.
        reasoning: thought that comes before the text, in `reasoning_field`.
        comments: keep-alive comment lines, 50 ms apart, before the first token.
        fault: what goes wrong, after `fault_after` tokens where it is in mid-stream.
        status: an HTTP status other than 200 answers at once with `body` and `headers`.
        body: with status 200, sent as it is under `content_type`.
    """

    text: str | tuple[str, ...] = "Hello there, I was just thinking of you."
    first_token_s: float = 0.0
    rate: float = 0.0
    finish: str | None = "stop"
    usage: Literal["chunk", "choice", "none"] = "chunk"
    reasoning: str = ""
    reasoning_field: Literal["reasoning", "reasoning_content", "inline"] = "reasoning"
    comments: int = 0
    fault: Fault | None = None
    fault_after: int = 3
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = "application/json"

    @property
    def tokens(self) -> tuple[str, ...]:
        """The text, as it is sent."""
        return self.text if isinstance(self.text, tuple) else _cut(self.text)


def refuse(status: int, message: str = "no", retry_after: str | None = None, code: str = "") -> Reply:
    """Return the reply of a server that refuses, in OpenAI's shape."""
    body = msgspec.json.encode({"error": {"message": message, "code": code or status, "type": "refused"}})
    return Reply(status=status, body=body, headers=(("Retry-After", retry_after),) if retry_after else ())


def html(status: int = 200) -> Reply:
    """Return the reply of something that is no model server at all."""
    return Reply(status=status, body=b"<!doctype html><title>Hello</title>", content_type="text/html")


def raw_stream(body: bytes) -> Reply:
    """Return a reply that sends `body` as an event stream, byte for byte."""
    return Reply(body=body, content_type="text/event-stream")


def words(count: int) -> tuple[str, ...]:
    """Return a text of `count` tokens."""
    return tuple(itertools.islice(itertools.cycle(_cut(WORDS)), count))


class Seen(msgspec.Struct, kw_only=True):
    """One request as the server saw it; times are `time.monotonic()`, which processes of one host share."""

    path: str
    body: dict[str, Any]
    key: str | None
    at: float
    peer_port: int = 0
    first_token_at: float | None = None
    ended_at: float | None = None
    outcome: Literal["open", "done", "refused", "broken", "cancelled"] = "open"


Script = Reply | Sequence[Reply] | Callable[[dict[str, Any]], Reply]


class ScriptedModel:
    """The server. A sequence gives one reply per request, its last one for all that follow."""

    def __init__(
        self,
        script: Script = Reply(),  # noqa: B008 - immutable
        *,
        models: Sequence[str] = ("scripted-1",),
        api_key: str | None = None,
        port: int = 0,
    ) -> None:
        self.script: Script = script
        self.models = tuple(models)
        self.seen: list[Seen] = []
        self.base_url = ""
        self._api_key = api_key
        self._port = port
        self._count = 0
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_get("/v1/models", self._list)
        app.router.add_post("/v1/chat/completions", self._answer)
        app.router.add_post("/v1/completions", self._answer)
        app.router.add_get("/scripted/seen", self._tell)
        app.router.add_put("/scripted/replies", self._rescript)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _list(self, request: web.Request) -> web.Response:
        if self._api_key is not None and _key(request) != self._api_key:
            return _plain(refuse(401, "bad key"))
        data = [{"id": name, "object": "model", "owned_by": "tests"} for name in self.models]
        return _json({"object": "list", "data": data})

    async def _tell(self, _request: web.Request) -> web.Response:
        return _json(self.seen)

    async def _rescript(self, request: web.Request) -> web.Response:
        self.script = msgspec.json.decode(await request.read(), type=list[Reply])
        self._count = 0
        return _json({"replies": len(self.script)})

    def _next(self, body: dict[str, Any]) -> Reply:
        if isinstance(self.script, Reply):
            return self.script
        if callable(self.script):
            return self.script(body)
        reply = self.script[min(self._count, len(self.script) - 1)]
        self._count += 1
        return reply

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = msgspec.json.decode(await request.read(), type=dict[str, Any])
        seen = Seen(
            path=request.path,
            body=body,
            key=_key(request),
            at=time.monotonic(),
            peer_port=_peer_port(request),
        )
        self.seen.append(seen)
        reply = self._next(body)
        if self._api_key is not None and seen.key != self._api_key:
            reply = refuse(401, "bad key")
        try:
            return await self._perform(request, reply, seen)
        except (asyncio.CancelledError, ConnectionError):
            seen.outcome = "cancelled"
            raise
        finally:
            seen.ended_at = time.monotonic()

    async def _perform(self, request: web.Request, reply: Reply, seen: Seen) -> web.StreamResponse:
        if reply.fault == "hang-before-headers":
            await asyncio.sleep(FOREVER_S)
        if reply.status != web.HTTPOk.status_code or reply.body:
            seen.outcome = "refused" if reply.status != web.HTTPOk.status_code else "done"
            return _plain(reply)
        form: Form = "chat" if request.path.endswith("/chat/completions") else "completions"
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await _stream(request, response, reply, form, seen)
        return response


async def _stream(
    request: web.Request, response: web.StreamResponse, reply: Reply, form: Form, seen: Seen
) -> None:
    frames, tail = _frames(reply, form)
    for _ in range(reply.comments):
        await response.write(b": OPENROUTER PROCESSING\n\n")
        await asyncio.sleep(0.05)
    if (wait := seen.at + reply.first_token_s - time.monotonic()) > 0:
        await asyncio.sleep(wait)
    faulty = reply.fault is not None
    sent = frames[: reply.fault_after] if faulty else frames
    await response.write(sent[0] if sent else b": nothing yet\n\n")
    seen.first_token_at = time.monotonic()
    transport = request.transport
    if len(sent) > 1 and transport is not None:
        await _Paced(transport, sent[1:], reply.rate).finished()
    if reply.fault == "hang-mid-stream":
        await asyncio.sleep(FOREVER_S)
    if reply.fault == "break-mid-stream":
        seen.outcome = "broken"
        if transport is not None:
            transport.abort()
        return
    await response.write(_error_event() if faulty else tail)
    await response.write_eof()
    seen.outcome = "done"


class _Paced:
    """Writes ready-made chunks straight to the transport, one per period: a timer and a send each."""

    def __init__(self, transport: asyncio.Transport, frames: Sequence[bytes], rate: float) -> None:
        self._transport = transport
        self._frames = [b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames]
        self._loop = asyncio.get_running_loop()
        self._done = self._loop.create_future()
        self._period = 1 / rate if rate else 0.0
        self._start = self._loop.time()
        self._sent = 0
        self._timer: asyncio.TimerHandle | None = None

    async def finished(self) -> None:
        if self._period:
            self._schedule()
        else:
            self._transport.write(b"".join(self._frames))
            return
        try:
            await self._done
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _schedule(self) -> None:
        self._timer = self._loop.call_at(self._start + (self._sent + 1) * self._period, self._tick)

    def _tick(self) -> None:
        if self._done.done():
            return
        self._transport.write(self._frames[self._sent])
        self._sent += 1
        if self._sent == len(self._frames):
            self._done.set_result(None)
        else:
            self._schedule()


@lru_cache(maxsize=256)
def _frames(reply: Reply, form: Form) -> tuple[tuple[bytes, ...], bytes]:
    """Return the events of the tokens and, joined, those that end the stream."""
    events = [_event(form, {reply.reasoning_field: token}) for token in _thought(reply)]
    spoken = reply.tokens
    if reply.reasoning and reply.reasoning_field == "inline":
        spoken = ("<think>", *_cut(reply.reasoning), "</think>", *spoken)
    events += [_event(form, {"content": token}) for token in spoken]
    counts = {
        "prompt_tokens": 7,
        "completion_tokens": len(reply.tokens),
        "total_tokens": 7 + len(reply.tokens),
    }
    tail = b""
    if reply.finish is not None:
        tail += _event(form, {}, reply.finish, counts if reply.usage == "choice" else None)
        if reply.usage == "chunk":
            tail += b"data: " + msgspec.json.encode(_chunk(form) | {"choices": [], "usage": counts}) + b"\n\n"
        tail += b"data: [DONE]\n\n"
    return tuple(events), tail or b": and no end\n\n"


def _thought(reply: Reply) -> tuple[str, ...]:
    return () if reply.reasoning_field == "inline" else _cut(reply.reasoning)


def _event(
    form: Form, delta: dict[str, str], finish: str | None = None, usage: dict[str, int] | None = None
) -> bytes:
    choice: dict[str, Any] = {"index": 0, "finish_reason": finish, "logprobs": None}
    choice |= {"delta": delta} if form == "chat" else {"text": delta.get("content", "")}
    if usage is not None:
        choice["usage"] = usage
    return b"data: " + msgspec.json.encode(_chunk(form) | {"choices": [choice]}) + b"\n\n"


def _chunk(form: Form) -> dict[str, Any]:
    kind = "chat.completion.chunk" if form == "chat" else "text_completion"
    return {
        "id": "scripted-0123456789abcdef",
        "object": kind,
        "created": 1_700_000_000,
        "model": "scripted-1",
    }


def _error_event() -> bytes:
    return b'data: {"error":{"message":"Provider is overloaded","code":502}}\n\n'


def _cut(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\S+\s*|\s+", text))


def _key(request: web.Request) -> str | None:
    return request.headers.get("Authorization", "").removeprefix("Bearer ") or None


def _peer_port(request: web.Request) -> int:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return int(peer[1]) if peer else 0


def _plain(reply: Reply) -> web.Response:
    headers = {"Content-Type": reply.content_type} | dict(reply.headers)
    return web.Response(status=reply.status, body=reply.body, headers=headers)


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


async def serve(script: Script, models: Sequence[str], port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with ScriptedModel(script, models=models, port=port) as server:
        line = {"base_url": server.base_url, "model": server.models[0]}
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Run the server as a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.scripted_model")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, default=60.0, help="tokens per second")
    parser.add_argument("--ttft", type=float, default=0.05, help="seconds to the first token")
    parser.add_argument("--tokens", type=int, default=60, help="tokens of a reply without --text")
    parser.add_argument("--text", help="what to say")
    parser.add_argument("--model", action="append", help="a model to list; may be repeated")
    parser.add_argument("--replies", help="a JSON file with a list of replies, instead of the above")
    options = parser.parse_args()
    script: Script = Reply(
        text=options.text or words(options.tokens), first_token_s=options.ttft, rate=options.rate
    )
    if options.replies:
        with open(options.replies, "rb") as file:  # noqa: PTH123 - one read
            script = msgspec.json.decode(file.read(), type=list[Reply])
    uvloop.run(serve(script, options.model or ["scripted-1"], options.port))


if __name__ == "__main__":
    main()
