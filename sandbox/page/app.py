"""Serves the page: its files, the socket of each tab, and uploads."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import WSMsgType, web

from sandbox.page.feed import Feed
from sandbox.page.guard import content_policy, require_same_origin
from sandbox.page.tab import Tab
from sandbox.page.uploads import Uploads, read_part
from sandbox.state import ATTACHMENT_LIMIT
from sandbox.world import World

STATIC = Path(__file__).parent / "static"
INDEX = STATIC / "index.html"
HEARTBEAT_S = 20.0
REQUEST_BYTES = 256 * 1024
"""Largest request of a tab on its socket; files go another way."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def mount(app: web.Application, world: World) -> None:
    """Add the page to an aiohttp application: `/`, `/static/`, `/ws` and `/upload`.

    The application must serve the world's files under `/cdn/`.
    """
    page = Page(world)
    app.router.add_get("/", page.index)
    app.router.add_get("/static/{path:.+}", page.static)
    app.router.add_get("/ws", page.socket)
    app.router.add_post("/upload", page.upload)
    app.on_shutdown.append(page.shut)


class Page:
    """The handlers, and what the tabs share."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._feed = Feed(world)
        self._uploads = Uploads()
        self._open: set[web.WebSocketResponse] = set()
        self._headers = {
            "Content-Security-Policy": content_policy(INDEX),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }

    async def index(self, _request: web.Request) -> web.StreamResponse:
        """Serve the page itself."""
        return web.FileResponse(INDEX, headers=self._headers)

    async def static(self, request: web.Request) -> web.StreamResponse:
        """Serve a script, a style sheet or a picture of the page."""
        path = (STATIC / request.match_info["path"]).resolve()
        if not path.is_relative_to(STATIC) or not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers=self._headers)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """Talk with one tab until it leaves."""
        require_same_origin(request)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=REQUEST_BYTES, compress=False)
        await socket.prepare(request)
        self._open.add(socket)
        tab = Tab(self._world, self._feed, self._uploads, socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    tab.receive(message.data)
        finally:
            self._open.discard(socket)
            await tab.close()
        return socket

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Take one file and answer with the id that requests refer to."""
        require_same_origin(request)
        if (request.content_length or 0) > ATTACHMENT_LIMIT + REQUEST_BYTES:
            raise web.HTTPRequestEntityTooLarge(ATTACHMENT_LIMIT, request.content_length or 0)
        filename, data = await read_part(request)
        return web.json_response({"id": self._uploads.put(filename, data)})

    async def shut(self, _app: web.Application) -> None:
        """Close every socket, so that the server can stop."""
        self._feed.close()
        for socket in tuple(self._open):
            await socket.close(code=1001, message=b"The sandbox stops")
