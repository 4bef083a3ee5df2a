"""One WebSocket of a bot: frames in order, heartbeats, limits, and silence on command."""

import asyncio
import time
from collections import deque
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from sandbox.damage import reset
from sandbox.gateway.compression import compressor
from sandbox.gateway.session import Session
from sandbox.limits import Rate, Window

FRAME_LIMIT = 4096
"""Bytes that a client may send in one frame (Discord: events, gateway)."""
_CLEAN = frozenset({1000, 1001})
_BACKLOG = 20_000
_PATIENCE = 1.5
"""Intervals without a heartbeat after which the server hangs up."""


class Connection:
    """A socket with its outgoing queue.

    Attributes:
        session: the attached session, once identified or resumed.
        silent: the server neither sends nor listens (half-open).
        acknowledges: heartbeats are acknowledged.
        left: the client said goodbye, which ends its session.
    """

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, rate: Rate | None) -> None:
        self.session: Session | None = None
        self.silent = False
        self.acknowledges = True
        self.left = False
        self.heard_at = time.monotonic()
        self._socket = socket
        self._request = request
        self._compressor = compressor(request.query.get("compress"))
        self._window = Window(rate) if rate else None
        self._queue: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._closing: int | None = None

    def send(self, frame: bytes) -> None:
        """Queue a frame; a client that stops reading is cut off at 20,000."""
        if self._closing is not None or self.silent:
            return
        self._queue.append(frame)
        if len(self._queue) > _BACKLOG:
            self.close(4000)
        self._wake.set()

    def send_op(self, op: int, data: Any = None) -> None:
        """Queue a frame that is no event."""
        self.send(msgspec.json.encode({"op": op, "d": data, "s": None, "t": None}))

    def close(self, code: int) -> None:
        """Close with a code, after what is queued."""
        self._closing = code
        self._wake.set()

    def break_off(self) -> None:
        """Break the TCP connection."""
        reset(self._request.transport)

    def counts_frame(self) -> bool:
        """Count a frame from the client; False beyond 120 in 60 s."""
        if self._window is None:
            return True
        now = time.monotonic()
        passes = self._window.left(now) > 0
        self._window.take(now)
        return passes

    def overdue(self, interval_s: float) -> bool:
        """Say whether the client has missed its heartbeats."""
        return not self.silent and time.monotonic() - self.heard_at > interval_s * _PATIENCE

    async def write(self) -> None:
        """Send what is queued until the connection closes."""
        while True:
            while self._queue and not self.silent:
                await self._write_one(self._queue.popleft())
            if self._closing is not None:
                await self._socket.close(code=self._closing)
                return
            self._wake.clear()
            await self._wake.wait()

    async def _write_one(self, frame: bytes) -> None:
        try:
            if self._compressor is None:
                await self._socket.send_str(frame.decode())
            else:
                await self._socket.send_bytes(self._compressor.compress(frame))
        except ConnectionError:
            self._closing = WSCloseCode.ABNORMAL_CLOSURE

    async def read(self) -> dict[str, Any] | None:
        """Return the client's next frame, None at the end; closes with 4002 for what cannot be read."""
        while True:
            message = await self._socket.receive()
            if message.type is WSMsgType.CLOSE:
                self.left = self._closing is None and message.data in _CLEAN
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return None
            if self.silent:
                continue
            data = message.data.encode() if isinstance(message.data, str) else message.data
            try:
                frame = msgspec.json.decode(data, type=dict[str, Any]) if len(data) <= FRAME_LIMIT else None
            except msgspec.DecodeError:
                frame = None
            if frame is not None:
                return frame
            self.close(4002)
