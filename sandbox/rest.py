"""REST over sockets: authorisation, limits and faults around the handlers, with Discord's headers."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from config.logs import get_logger
from sandbox.calls import Call, classify
from sandbox.damage import reset
from sandbox.faults import AFTER_COMMIT, Fault, Faults
from sandbox.intake import read_inquiry
from sandbox.ledger import Ledger, Request
from sandbox.limits import Limiter, Verdict, bucket_hash
from sandbox.requests import Inquiry
from sandbox.routes import Routes
from sandbox.simulator import BackendError
from sandbox.world import World

log = get_logger(__name__)

Observer = Callable[[Inquiry, int, bytes], None]

_PREFIX = re.compile(r"^/api(?:/v\d+)?(?=/)")
_JSON = "application/json"
_VIA = {"Via": "1.1 sandbox"}
"""A 429 without Via means a ban by Cloudflare to discord.py."""
_HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_REASONS = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_CREATES = frozenset(
    {
        "POST /channels/{id}/messages/{id}/threads",
        "POST /channels/{id}/threads",
        "POST /guilds/{id}/channels",
        "POST /guilds/{id}/emojis",
        "POST /guilds/{id}/stickers",
        "POST /applications/{id}/emojis",
    }
)
"""Routes that answer 201."""
_SCOPES: Mapping[str, Any] = {"rate_global": "global", "rate_shared": "shared"}


class Rest:
    """The catch-all handler of `/api/`.

    Attributes:
        limiter: the limits; replace its `limits` to change them while running.
        routes: the handlers.
        observers: told of every request that reached a handler, with status and body of the answer.
    """

    def __init__(self, world: World, limiter: Limiter, faults: Faults, ledger: Ledger, token: str) -> None:
        self.limiter = limiter
        self.routes = Routes(world)
        self.observers: list[Observer] = []
        self._world = world
        self._faults = faults
        self._ledger = ledger
        self._authorization = f"Bot {token}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        path = _PREFIX.sub("", request.rel_url.raw_path)
        call = self._classify(request.method, path)
        fault = self._faults.rest(call.method, path)
        now = time.monotonic()
        if fault is not None and fault.kind not in AFTER_COMMIT and fault.kind != "slow":
            await request.read()
            return await self._misbehave(request, call, fault)
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        verdict = self.limiter.check(call, now, time.time())
        if verdict.retry_after is not None:
            await request.read()
            return self._reply(call, 429, verdict.body, verdict.headers, verdict=verdict)
        status, body = await self._serve(request, call)
        if fault is not None and fault.kind in AFTER_COMMIT:
            return await self._misbehave_after(request, call, fault, body)
        return self._reply(call, status, body, verdict.headers)

    def _classify(self, method: str, path: str) -> Call:
        segments = path.split("/")
        webhook = None
        if segments[1] == "webhooks" and len(segments) > 2 and segments[2].isdecimal():  # noqa: PLR2004 - /webhooks/id
            webhook = self._world.state.webhooks.get(int(segments[2]))
        return classify(
            method,
            path,
            application_id=self._world.application_id,
            channel_of_webhook=webhook.channel_id if webhook else 0,
        )

    async def _serve(self, request: web.Request, call: Call) -> tuple[int, bytes]:
        inquiry = Inquiry(call=call)
        try:
            self._authorize(request, call)
            inquiry = await read_inquiry(request, call)
            answer = self.routes.answer(inquiry)
            status, body = _status(call, answer), msgspec.json.encode(answer) if answer is not None else b""
        except BackendError as error:
            status, body = error.status, msgspec.json.encode(error.to_json())
        except Exception as error:
            log.exception("sandbox_request_failed", route=call.route)
            self._world.gaps.append(f"{call.route}: {error!r}")
            status, body = 500, b'{"message": "500: Internal Server Error", "code": 0}'
        for observe in self.observers:
            observe(inquiry, status, body)
        return status, body

    def _authorize(self, request: web.Request, call: Call) -> None:
        by_token = bool(call.token) or call.route == "GET /gateway"
        if not by_token and request.headers.get("Authorization") != self._authorization:
            raise BackendError(401, 0, "401: Unauthorized")

    def _reply(
        self,
        call: Call,
        status: int,
        body: Any,
        headers: Mapping[str, str],
        *,
        verdict: Verdict | None = None,
        fault: str = "",
    ) -> web.Response:
        scope = verdict.scope if verdict else headers.get("X-RateLimit-Scope", "")
        if status in {401, 403} or (status == 429 and scope != "shared"):  # noqa: PLR2004 - HTTP
            self.limiter.note_invalid(time.monotonic())
        self._note(call, status, scope, fault)
        if verdict is not None and verdict.banned:
            return web.Response(
                status=429, text=_HTML.format("You are being blocked"), content_type="text/html"
            )
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        shown = {**_VIA, **headers}
        if status != 204:  # noqa: PLR2004 - HTTP
            shown["Content-Type"] = _JSON
        return web.Response(status=status, body=data or None, headers=shown)

    def _note(self, call: Call, status: int, scope: str = "", fault: str = "") -> None:
        self._ledger.note(
            Request(
                at=time.monotonic(),
                method=call.method,
                route=call.route,
                status=status,
                channel_id=call.channel_id,
                webhook_id=call.webhook_id,
                scope=scope,
                fault=fault,
            )
        )

    # What the script of faults does.

    async def _misbehave(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if fault.kind in {"hang", "reset"}:
            return self._break(request, call, fault)
        if fault.kind == "status":
            return self._error_page(call, fault)
        if fault.kind == "cloudflare":
            self._note(call, 429, fault=fault.kind)
            return web.Response(status=429, text=_HTML.format("Error 1015"), content_type="text/html")
        scope = _SCOPES.get(fault.kind, "shared" if fault.kind == "rate_hidden" else "user")
        verdict = Verdict(headers=_limit_headers(call, fault), retry_after=fault.seconds, scope=scope)
        return self._reply(call, 429, verdict.body, verdict.headers, verdict=verdict, fault=fault.kind)

    async def _misbehave_after(
        self, request: web.Request, call: Call, fault: Fault, body: bytes
    ) -> web.StreamResponse:
        if fault.kind == "status_after":
            return self._error_page(call, fault)
        if fault.kind == "hang_after":
            await asyncio.sleep(fault.seconds)
            return self._break(request, call, fault)
        response = web.StreamResponse(headers={**_VIA, "Content-Type": _JSON})
        response.content_length = len(body)
        await response.prepare(request)
        half = len(body) // 2
        await response.write(body[:half])
        if fault.kind == "reset_after":
            return self._break(request, call, fault)
        await asyncio.sleep(fault.seconds)
        await response.write(body[half:])
        self._note(call, 200, fault=fault.kind)
        return response

    def _break(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        self._note(call, 0, fault=fault.kind)
        reset(request.transport)
        return web.Response(status=500)

    def _error_page(self, call: Call, fault: Fault) -> web.Response:
        self._note(call, fault.status, fault=fault.kind)
        reason = f"{fault.status}: {_REASONS.get(fault.status, 'Error')}"
        if fault.status in {502, 503, 504, 524}:
            return web.Response(status=fault.status, text=_HTML.format(reason), content_type="text/html")
        body = msgspec.json.encode({"message": reason, "code": 0})
        return web.Response(status=fault.status, body=body, headers={**_VIA, "Content-Type": _JSON})


def _status(call: Call, answer: Any) -> int:
    if answer is None:
        return 204
    return 201 if call.route in _CREATES else 200


def _limit_headers(call: Call, fault: Fault) -> dict[str, str]:
    headers = {"Retry-After": str(max(1, round(fault.seconds)))}
    if fault.kind == "rate_global":
        return headers | {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}
    left = 4 if fault.kind == "rate_hidden" else 0
    return headers | {
        "X-RateLimit-Limit": "5",
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": f"{time.time() + fault.seconds:.3f}",
        "X-RateLimit-Reset-After": f"{fault.seconds:.3f}",
        "X-RateLimit-Bucket": bucket_hash(call.kind if call.kind != "other" else call.route),
        "X-RateLimit-Scope": _SCOPES.get(fault.kind, "shared" if left else "user"),
    }
