"""The child tasks of one actor, which tell it how they ended and end with it."""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from actors.runtime.envelope import CURRENT, ChildScope, Envelope, Failed
from actors.runtime.mailbox import Mailbox

logger = logging.getLogger("pykka")
Work = Coroutine[Any, Any, Any]
Done = Callable[[Any], object]
Failure = Callable[[Exception], object]

CHILD_GRACE_S = 5.0
"""Seconds that cancelled child tasks have to end before the actor ends without them."""


class Children(set[asyncio.Task[Any]]):
    """The tasks that run. What they tell is for this incarnation and never reaches the next one."""

    __slots__ = ("_loop", "_mailbox")

    def __init__(self, mailbox: Mailbox, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._mailbox = mailbox
        self._loop = loop

    def start(
        self, work: Work, envelope: Envelope | None, done: Done | None, failed: Failure | None
    ) -> asyncio.Task[Any]:
        """Run `work` on behalf of the message in `envelope`; see `AsyncioActor.spawn` for the rest."""
        context = contextvars.copy_context()
        context.run(CURRENT.set, ChildScope(envelope))
        child = self._loop.create_task(work, context=context)
        self.add(child)
        child.add_done_callback(partial(self._ended, done, failed), context=context)
        return child

    def _ended(self, done: Done | None, failed: Failure | None, child: asyncio.Task[Any]) -> None:
        self.discard(child)
        if child.cancelled():
            return
        try:
            message = _told(child, done, failed)
        except Exception as error:  # noqa: BLE001 - it fails the actor
            message = Failed(error)
        if message is not None and not self._mailbox.closed:
            self._mailbox.put(Envelope(message, own=True))

    async def end(self) -> None:
        """Cancel them all, and wait until they have cleaned up or the grace is over."""
        for child in self:
            child.cancel()
        _, alive = await asyncio.wait(self, timeout=CHILD_GRACE_S)
        if alive:
            logger.error("%d child tasks ignore their cancellation: %s", len(alive), alive)


def _told(child: asyncio.Task[Any], done: Done | None, failed: Failure | None) -> object:
    error = child.exception()
    if error is None:
        return None if done is None else done(child.result())
    if failed is not None and isinstance(error, Exception):
        return failed(error)
    return Failed(error)
