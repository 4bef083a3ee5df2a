"""The end of one actor, step by step: its children, its last hook, its mailbox, whoever waits for it."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

from pykka import ActorRegistry, Future

from actors.runtime.dispatcher import afterwards
from actors.runtime.envelope import fulfil
from actors.runtime.errors import KilledError, as_exception

if TYPE_CHECKING:
    from actors.runtime.cell import Cell
    from actors.runtime.children import Work

logger = logging.getLogger("pykka")
Hook = Callable[[], Any]


class Ending:
    """Ends an actor: first its children, then its last hook, then its mailbox; a kill jumps to the last.

    From the first step on the actor takes no message. A step that has to be awaited runs as the task of the
    cell, the others at once.
    """

    __slots__ = ("_asker", "_cell", "_hook")

    def __init__(self, cell: "Cell") -> None:
        self._cell = cell
        self._hook: Hook | None = None
        self._asker: Future[Any] | None = None

    def stop(self, asker: Future[Any] | None = None) -> None:
        """End as asked; tell `asker` when it is done, whatever comes between."""
        self._asker = asker
        self._hook = self._cell.actor.on_stop
        self._take_no_more()
        logger.debug("Stopped %s", self._cell.actor)
        self._end_children()

    def fail(self, error: Exception, hook: Hook | None = None) -> None:
        """End because of `error`, with `hook` as the last one."""
        self._hook = hook
        self._record(error)
        self._end_children()

    def kill(self, error: BaseException | None) -> None:
        """Cancel what runs and take the last step now."""
        cell = self._cell
        self._take_no_more(KilledError() if error is None else error)
        for task in (cell.task, *(cell.children or ())):
            if task is not None:
                task.cancel()
        self._close()

    def _end_children(self) -> None:
        if self._cell.children:
            self._cell.run_task(self._cell.children.end(), lambda _error, _none: self._run_hook())
        else:
            self._run_hook()

    def _run_hook(self) -> None:
        if self._cell.termination.ended:
            return
        response = self._call_hook()
        if type(response) is CoroutineType:
            self._cell.run_task(cast("Work", response), self._hook_ended)
        else:
            self._close()

    def _call_hook(self) -> Any:
        try:
            return None if self._hook is None else self._hook()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - logged, and the end goes on
            self._record(as_exception(error))

    def _hook_ended(self, error: BaseException | None, _response: Any) -> None:
        if self._cell.termination.ended:
            return
        if error is not None:
            self._record(as_exception(error))
        self._close()

    def _close(self) -> None:
        cell = self._cell
        try:
            cell.mailbox.close()
        finally:
            cell.mailbox.reader = None
            if self._asker is not None:
                fulfil(self._asker)
            del cell.actor
            cell.ending = None
            cell.termination.end()

    def _record(self, error: Exception) -> None:
        cell, failure = self._cell, (type(error), error, error.__traceback__)
        write = partial(logger.error, "Unhandled exception in %s:", cell.actor, exc_info=failure)
        if cell.mailbox.heir is None:
            write()
        else:
            afterwards(write)  # the next incarnation doesn't wait for it
        self._take_no_more(error)

    def _take_no_more(self, error: BaseException | None = None) -> None:
        """Leave the registry; the first error is what the actor failed of."""
        if self._cell.termination.error is None:
            self._cell.termination.error = error
        ActorRegistry.unregister(self._cell.actor.actor_ref)
        self._cell.termination.set()
