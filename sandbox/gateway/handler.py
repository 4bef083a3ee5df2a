"""The gateway's conversation with one client."""

import asyncio
import time
from typing import Any

from aiohttp import web

from config.logs import get_logger
from sandbox.gateway.connection import Connection
from sandbox.gateway.hub import Hub
from sandbox.gateway.members import member_chunks
from sandbox.gateway.session import ALL_INTENTS, encode, undeclared
from sandbox.limits import Limiter
from sandbox.simulator import BackendError
from sandbox.untyped import record
from sandbox.world import World

log = get_logger(__name__)

HEARTBEAT_S = 41.25
"""Seconds between heartbeats, as Discord's HELLO says."""


class Gateway:
    """The WebSocket endpoint.

    Attributes:
        url: where clients come back to; the server sets it.
        heartbeat_s: interval told in HELLO.
    """

    def __init__(self, world: World, hub: Hub, limiter: Limiter, token: str) -> None:
        self.url = ""
        self.heartbeat_s = HEARTBEAT_S
        self._world = world
        self._hub = hub
        self._limiter = limiter
        self._token = token

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one client until its socket closes."""
        socket = web.WebSocketResponse(max_msg_size=1 << 20, autoping=True, compress=False)
        await socket.prepare(request)
        connection = Connection(socket, request, self._limiter.limits.gateway_sends)
        self._hub.connections.add(connection)
        writer = asyncio.create_task(connection.write())
        watchdog = asyncio.create_task(self._watch(connection))
        try:
            await self._converse(connection, request.query.get("v", "10"))
        finally:
            if connection.left:
                self._hub.forget(connection)
            self._hub.detach(connection)
            watchdog.cancel()
            writer.cancel()
            await asyncio.gather(writer, watchdog, return_exceptions=True)
        return socket

    async def _watch(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        while not connection.overdue(self.heartbeat_s):
            await asyncio.wait([loop.create_future()], timeout=self.heartbeat_s / 2)
        connection.close(4009)

    async def _converse(self, connection: Connection, version: str) -> None:
        if version not in {"9", "10"}:
            connection.close(4012)
        connection.send_op(10, {"heartbeat_interval": int(self.heartbeat_s * 1000), "_trace": ["sandbox"]})
        while (frame := await connection.read()) is not None:
            if not connection.counts_frame():
                connection.close(4008)
                continue
            try:
                self._take(connection, frame)
            except (TypeError, ValueError, KeyError):
                connection.close(4002)

    def _take(self, connection: Connection, frame: dict[str, Any]) -> None:
        op, data = frame.get("op"), record(frame.get("d"))
        if op == 1:
            self._heartbeat(connection)
        elif op in {2, 6}:
            self._enter(connection, op, data)
        elif op not in {3, 4, 8, 31}:
            connection.close(4001)
        elif connection.session is None:
            connection.close(4003)
        elif op == 4:  # noqa: PLR2004 - opcode
            self._voice_state(data)
        elif op == 8:  # noqa: PLR2004 - opcode
            for chunk in member_chunks(self._world.state, data):
                connection.send(connection.session.frame("GUILD_MEMBERS_CHUNK", encode(chunk)))

    def _heartbeat(self, connection: Connection) -> None:
        connection.heard_at = time.monotonic()
        if connection.acknowledges:
            connection.send_op(11)

    def _enter(self, connection: Connection, op: int, data: dict[str, Any]) -> None:
        if not data:
            connection.close(4002)
        elif data.get("token") != self._token:
            connection.close(4004)
        elif connection.session is not None:
            connection.close(4005)
        elif op == 2:  # noqa: PLR2004 - opcode
            self._identify(connection, data)
        elif not self._hub.resume(connection, str(data.get("session_id")), int(data.get("seq") or 0)):
            connection.send_op(9, False)  # noqa: FBT003 - the payload of op 9

    def _identify(self, connection: Connection, data: dict[str, Any]) -> None:
        intents = data.get("intents")
        shard = data.get("shard") or [0, 1]
        if not isinstance(intents, int) or intents & ~ALL_INTENTS:
            connection.close(4013)
        elif undeclared(intents, self._hub.approved):
            connection.close(4014)
        elif len(shard) != 2 or not 0 <= shard[0] < shard[1]:  # noqa: PLR2004 - [number, count]
            connection.close(4010)
        elif not self._limiter.identify(time.monotonic()):
            connection.send_op(9, False)  # noqa: FBT003 - the payload of op 9
        else:
            session = self._hub.open(connection, intents, (shard[0], shard[1]), self.url)
            log.info("gateway_identified", session=session.id[:8], intents=intents, shard=shard[0])

    def _voice_state(self, data: dict[str, Any]) -> None:
        channel_id = data.get("channel_id")
        try:
            self._world.state.set_voice_state(
                int(data["guild_id"]),
                self._world.bot_id,
                int(channel_id) if channel_id is not None else None,
                self_mute=bool(data.get("self_mute")),
                self_deaf=bool(data.get("self_deaf")),
            )
        except (BackendError, KeyError, ValueError) as error:
            log.warning("voice_state_refused", error=str(error))
