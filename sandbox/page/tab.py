"""One open tab: who it is, what it asks, what it is told."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
from aiohttp import web

from config.logs import get_logger
from sandbox.errors import ActionRefusedError
from sandbox.page import wire
from sandbox.page.actions import Actions
from sandbox.page.feed import Entry, Feed
from sandbox.page.reading import Reader
from sandbox.page.uploads import Uploads
from sandbox.world import World

QUEUE = 2048
"""Events waiting for a slow tab; one that falls behind further is closed, and comes back by itself."""
RESUMABLE = QUEUE // 2
"""Missed events that are sent again; after more, a snapshot is quicker."""
TRY_AGAIN_LATER = 1013

_log = get_logger(__name__)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(wire.Request)


class Tab:
    """Answers the requests of one socket and passes the feed's events on, in their order."""

    def __init__(self, world: World, feed: Feed, uploads: Uploads, socket: web.WebSocketResponse) -> None:
        self._world = world
        self._feed = feed
        self._reader = Reader(world)
        self._actions = Actions(world, uploads)
        self._socket = socket
        self._user_id = world.owner_id
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)
        self._unfollow = feed.follow(self._on_entry)
        self._greeted = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._spawn(self._write())

    def receive(self, text: str) -> None:
        """Begin to answer a request; one that cannot be read is refused and changes nothing."""
        try:
            request = _decoder.decode(text)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            _log.warning("page_request_unreadable", error=str(error))
            return
        self._spawn(self._answer(request))

    async def close(self) -> None:
        """Stop following and drop what is under way."""
        self._unfollow()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, request: wire.Request) -> None:
        try:
            reply = wire.Reply(id=request.id, data=await self._serve(request))
        except ActionRefusedError as error:
            reply = wire.Reply(id=request.id, error=error.user_message)
        except Exception:  # noqa: BLE001 - one failed request must not close the tab
            _log.exception("page_request_failed", op=type(request).__name__)
            reply = wire.Reply(id=request.id, error="The sandbox could not do that.")
        self._push(_encoder.encode(reply))

    async def _serve(self, request: wire.Request) -> Any:
        match request:
            case wire.Hello():
                return self._greet(request)
            case wire.Become():
                return self._become(int(request.user_id))
            case wire.History():
                before = int(request.before) if request.before else None
                return self._reader.history(
                    self._user_id, int(request.channel_id), before=before, limit=request.limit
                )
            case wire.Commands():
                return self._reader.commands(self._user_id, int(request.channel_id))
            case wire.RunCommand() | wire.RunMenu() | wire.Complete() | wire.Press() | wire.SubmitModal():
                return await self._actions.interact(self._user_id, request)
            case _:
                return self._actions.speak(self._user_id, request)

    def _greet(self, hello: wire.Hello) -> None:
        wanted = int(hello.user_id or 0)
        if wanted in self._world.people:
            self._user_id = wanted
        self._greeted = True
        missed = self._feed.since(hello.epoch, hello.last_seq)
        if missed is None or len(missed) > RESUMABLE:
            self._send_snapshot()
            return
        for entry in missed:
            self._on_entry(entry)
        self._push(_encoder.encode(wire.Resumed(seq=self._feed.seq)))

    def _become(self, user_id: int) -> None:
        if user_id not in self._world.people:
            raise ActionRefusedError("No such person", user_message="There is no such person.")
        self._user_id = user_id
        self._send_snapshot()

    def _send_snapshot(self) -> None:
        snapshot = self._reader.snapshot(self._user_id, seq=self._feed.seq, epoch=self._feed.epoch)
        self._push(_encoder.encode(snapshot))

    def _on_entry(self, entry: Entry) -> None:
        if self._greeted and self._feed.visible(entry, self._user_id):
            self._push(entry.body)

    def _push(self, body: bytes) -> None:
        try:
            self._outbox.put_nowait(body)
        except asyncio.QueueFull:
            self._unfollow()
            self._spawn(self._hang_up())

    async def _write(self) -> None:
        while True:
            body = await self._outbox.get()
            if self._socket.closed:
                return
            try:
                await self._socket.send_str(body.decode())
            except ConnectionError:
                return

    async def _hang_up(self) -> None:
        await self._socket.close(code=TRY_AGAIN_LATER, message=b"Too slow")

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
