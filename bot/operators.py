"""The operators' port: health, readiness, metrics, faces, and a control path for this machine's `troupe`."""

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web

from config import metrics
from config.errors import TroupeError
from config.logs import get_logger
from supervision.tree import Node

log = get_logger(__name__)

CONTROL_FILE = "control.token"
FACE_AGE_S = 31_536_000


class Health(msgspec.Struct, frozen=True):
    """The state of one part; `mend` says what an operator can do."""

    part: str
    ok: bool
    detail: str = ""
    mend: str = ""


class SwitchModel(msgspec.Struct, frozen=True):
    """Body of `POST /control/model`."""

    choice: str


Readiness = Callable[[], list[Health]]
FaceBytes = Callable[[str], Awaitable[bytes | None]]
Switch = Callable[[str], Awaitable[str]]
Tree = Callable[[], Node]


class OperatorServer:
    """Serves `/healthz`, `/readyz`, `/metrics`, `/faces/<hash>.png` and, with the token, `/control/…`."""

    def __init__(
        self, readiness: Readiness, face: FaceBytes, switch: Switch, tree: Tree, control_token: str
    ) -> None:
        self._readiness, self._face, self._switch, self._tree = readiness, face, switch, tree
        self._control_token = control_token
        self._runner: web.AppRunner | None = None

    async def start(self, address: str) -> str:
        """Listen on `host:port` and return the URL; port 0 takes a free one.

        Raises:
            TroupeError: the address can't be used; says which setting to change.
        """
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/faces/{name}.png", self._faces),
                web.post("/control/model", self._control_model),
                web.get("/control/tree", self._control_tree),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        host, _, port = address.rpartition(":")
        try:
            site = web.TCPSite(self._runner, host or "127.0.0.1", int(port))
            await site.start()
        except (OSError, ValueError) as error:
            await self.stop()
            raise TroupeError(f"Cannot listen on {address} ({error}). Set TROUPE_HTTP to another.") from error
        bound = self._runner.addresses[0]
        return f"http://{bound[0]}:{bound[1]}"

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _request: web.Request) -> web.Response:
        parts = self._readiness()
        status = 200 if all(part.ok for part in parts) else 503
        return web.Response(body=msgspec.json.encode(parts), content_type="application/json", status=status)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _faces(self, request: web.Request) -> web.Response:
        face = await self._face(request.match_info["name"])
        if face is None:
            raise web.HTTPNotFound
        headers = {"Cache-Control": f"public, max-age={FACE_AGE_S}, immutable"}
        return web.Response(body=face, content_type="image/png", headers=headers)

    async def _control_tree(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.Response(body=msgspec.json.encode(self._tree()), content_type="application/json")

    def _check(self, request: web.Request) -> None:
        """Let nobody in but this machine's user."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        known = self._control_token
        if not known or not hmac.compare_digest(given.encode(), known.encode()):
            raise web.HTTPForbidden

    async def _control_model(self, request: web.Request) -> web.Response:
        self._check(request)
        try:
            wish = msgspec.json.decode(await request.read(), type=SwitchModel)
            return web.Response(text=await self._switch(wish.choice))
        except msgspec.MsgspecError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        except TroupeError as error:
            raise web.HTTPConflict(text=str(error)) from error


def control_token(data_path: Path) -> str:
    """Return the token that lets this machine's user control the running process; made on first use."""
    file = data_path / CONTROL_FILE
    if file.exists() and (known := file.read_text().strip()):
        return known
    data_path.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(32)
    handle = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(token)
    return token
