"""HTTP routes for other processes that drive the sandbox: faults, limits, the ledger, people."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from sandbox.errors import ActionRefusedError
from sandbox.faults import Fault, Faults
from sandbox.ledger import Ledger
from sandbox.limits import Limiter, Limits
from sandbox.people import Person
from sandbox.world import World

Handler = Callable[[web.Request], Awaitable[web.Response]]


class NewChannel(msgspec.Struct, frozen=True):
    """A text channel to be made."""

    name: str


class Speech(msgspec.Struct, frozen=True, kw_only=True):
    """What a person shall say; ids may be numbers or text."""

    user_id: int
    channel_id: int
    content: str
    reply_to: int | None = None


class Admin:
    """`/sandbox/...`, each with `Authorization: Bearer <secret>`."""

    def __init__(self, faults: Faults, ledger: Ledger, limiter: Limiter, world: World, secret: str) -> None:
        self._faults = faults
        self._ledger = ledger
        self._limiter = limiter
        self._world = world
        self._authorization = f"Bearer {secret}"

    def add_routes(self, app: web.Application) -> None:
        """Mount the routes."""
        for method, path, handler in (
            ("GET", "/sandbox/faults", self._show_faults),
            ("POST", "/sandbox/faults", self._add_fault),
            ("DELETE", "/sandbox/faults", self._clear_faults),
            ("DELETE", "/sandbox/faults/{id}", self._remove_fault),
            ("GET", "/sandbox/limits", self._show_limits),
            ("PUT", "/sandbox/limits", self._set_limits),
            ("GET", "/sandbox/ledger", self._show_ledger),
            ("DELETE", "/sandbox/ledger", self._clear_ledger),
            ("GET", "/sandbox/gaps", self._show_gaps),
            ("GET", "/sandbox/world", self._show_world),
            ("POST", "/sandbox/channels", self._create_channel),
            ("POST", "/sandbox/messages", self._say),
        ):
            app.router.add_route(method, path, self._guarded(handler))

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.Response:
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), self._authorization.encode()):
                raise web.HTTPUnauthorized
            try:
                return await handler(request)
            except (msgspec.DecodeError, ActionRefusedError) as error:
                raise web.HTTPBadRequest(text=str(error)) from error

        return guarded

    async def _show_faults(self, _request: web.Request) -> web.Response:
        return _json({"script": self._faults.script, "struck": self._faults.struck})

    async def _add_fault(self, request: web.Request) -> web.Response:
        fault = msgspec.json.decode(await request.read(), type=Fault)
        return _json({"id": self._faults.add(fault)})

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        self._faults.clear()
        return _json({})

    async def _remove_fault(self, request: web.Request) -> web.Response:
        self._faults.remove(int(request.match_info["id"]))
        return _json({})

    async def _show_limits(self, _request: web.Request) -> web.Response:
        return _json(self._limiter.limits)

    async def _set_limits(self, request: web.Request) -> web.Response:
        self._limiter.limits = msgspec.json.decode(await request.read(), type=Limits)
        return _json(self._limiter.limits)

    async def _show_ledger(self, request: web.Request) -> web.Response:
        since = float(request.query.get("since", 0))
        channel = int(request.query.get("channel_id", 0))
        entries = [e for e in self._ledger.entries if e.at > since and channel in {0, e.channel_id}]
        requests = [r for r in self._ledger.requests if r.at > since]
        return _json({"entries": entries, "requests": requests})

    async def _clear_ledger(self, _request: web.Request) -> web.Response:
        self._ledger.clear()
        return _json({})

    async def _show_gaps(self, _request: web.Request) -> web.Response:
        return _json(self._world.gaps)

    async def _show_world(self, _request: web.Request) -> web.Response:
        world = self._world
        channels = world.guild_payload(world.guild_id)["channels"]
        return _json(
            {
                "guild_id": str(world.guild_id),
                "bot_id": str(world.bot_id),
                "people": {str(i): world.user_payload(i)["global_name"] for i in world.people},
                "channels": {channel["id"]: channel["name"] for channel in channels},
            }
        )

    async def _create_channel(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read(), type=NewChannel)
        return _json({"id": str(self._world.create_channel(wanted.name).id)})

    async def _say(self, request: web.Request) -> web.Response:
        said = msgspec.json.decode(await request.read(), type=Speech, strict=False)
        person = Person(self._world, said.user_id)
        return _json(person.send(said.channel_id, said.content, reply_to=said.reply_to))


def _json(body: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")
