"""The sandbox as one server: REST, gateway, files, admin routes and the page."""

import asyncio
import secrets
import ssl
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from sandbox.admin import Admin
from sandbox.assets import Asset
from sandbox.cdn import Cdn
from sandbox.faults import Faults
from sandbox.gateway.handler import Gateway
from sandbox.gateway.hub import Hub
from sandbox.intake import REQUEST_LIMIT
from sandbox.ledger import Ledger
from sandbox.limits import Limiter, Limits
from sandbox.page.app import mount
from sandbox.rest import Rest
from sandbox.world import World

_TIDY_S = 5.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running sandbox is, and who lives in it."""

    url: str
    api: str
    gateway: str
    cdn: str
    token: str
    secret: str
    bot_id: int
    owner_id: int
    guild_id: int


class Sandbox:
    """A world with everything around it; `start` opens the port.

    Attributes:
        world: the world.
        faults: the script of faults.
        ledger: what happened.
        limiter: the limits.
        hub: the gateway's sessions.
        gateway: the gateway's endpoint.
    """

    def __init__(
        self,
        world: World,
        *,
        limits: Limits | None = None,
        faults: Faults | None = None,
        token: str | None = None,
        secret: str | None = None,
        page: bool = True,
    ) -> None:
        self.world = world
        self.faults = faults or Faults()
        self.limiter = Limiter(limits or Limits())
        self.ledger = Ledger(world)
        self.hub = Hub(world, self.faults)
        self.token = token or f"{world.bot_id}.sandbox.token"
        self.secret = secret or secrets.token_urlsafe(16)
        self.gateway = Gateway(world, self.hub, self.limiter, self.token)
        self.rest = Rest(world, self.limiter, self.faults, self.ledger, self.token)
        self.app = self._create_app(page=page)
        self._runner: web.AppRunner | None = None
        self._tidying: asyncio.Task[None] | None = None

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None
    ) -> Address:
        """Listen; port 0 takes a free one. With `tls` it speaks https and wss.

        Raises:
            OSError: the port is taken.
        """
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=tls)
        await site.start()
        where = self._runner.addresses[0]
        address = self._address(f"{where[0]}:{where[1]}", "s" if tls else "")
        self.world.assets.rebase(address.url, self.world.state)
        self.gateway.url = self.rest.routes.gateway_url = address.gateway
        self._tidying = asyncio.create_task(self._tidy())
        return address

    async def stop(self) -> None:
        """Close connections and the port; the world stays."""
        if self._tidying is not None:
            self._tidying.cancel()
        await self.hub.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _address(self, host: str, secure: str) -> Address:
        return Address(
            url=f"http{secure}://{host}",
            api=f"http{secure}://{host}/api/v10",
            gateway=f"ws{secure}://{host}/gateway",
            cdn=f"http{secure}://{host}/cdn",
            token=self.token,
            secret=self.secret,
            bot_id=self.world.bot_id,
            owner_id=self.world.owner_id,
            guild_id=self.world.guild_id,
        )

    def _create_app(self, *, page: bool) -> web.Application:
        app = web.Application(client_max_size=REQUEST_LIMIT + 1024, middlewares=[self._gateway_at_root])
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/gateway/", self.gateway.handle)
        app.router.add_route("*", "/api/{tail:.*}", self.rest.handle)
        cdn = Cdn(self.world.assets, self._load_asset)
        app.router.add_get("/cdn/{key:.+}", cdn.handle)
        app.router.add_get("/{key:(?:avatars|attachments)/.+}", cdn.handle)
        Admin(self.faults, self.ledger, self.limiter, self.world, self.secret).add_routes(app)
        if page:
            mount(app, self.world)
        return app

    @web.middleware
    async def _gateway_at_root(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Serve the gateway at `/` too: clients that know only Discord's host name ask there."""
        if request.path == "/" and request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.gateway.handle(request)
        return await handler(request)

    async def _load_asset(self, key: str) -> Asset | None:
        return await self.world.load_asset(key) if self.world.load_asset is not None else None

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_S)
            self.hub.expire()
            self.world.state.forget_expired()
            self.limiter.sweep(asyncio.get_running_loop().time())
