"""Erlang's links and monitors: what the end of one actor means to another."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from actors.runtime.errors import ActorGoneError
from actors.runtime.ref import LoopAwareRef

Ref = LoopAwareRef[Any]

_TAKING = threading.Lock()


class Exit(msgspec.Struct, frozen=True):
    """A linked actor has ended; told to actors that trap exits. `error` is None when it did as it should."""

    ref: Ref
    error: BaseException | None


class ActorDown(msgspec.Struct, frozen=True):
    """A monitored actor has ended. `error` is None when it ended as it should."""

    ref: Ref
    error: BaseException | None


class _Tie:
    """Tells once of the first end among some actors, unless it is cut before."""

    def __init__(self) -> None:
        self._watched: list[tuple[Ref, Callable[[], None]]] = []
        self._cut = False

    def watch(self, ref: Ref, tell: Callable[[BaseException | None], None]) -> None:
        """Tell of the end of `ref`; one that ended before is gone, which is an error."""
        if self._cut:
            return
        gone = ActorGoneError(f"{ref} not found") if ref.termination.ended else None

        def ended() -> None:
            if self.cut():
                tell(ref.termination.error or gone)

        self._watched.append((ref, ended))
        ref.termination.watch(ended)

    def cut(self) -> bool:
        """Tell nothing any more; False when it was cut already. Callable from any thread."""
        with _TAKING:
            was_cut, self._cut = self._cut, True
        if was_cut:
            return False
        for ref, ended in self._watched:
            ref.termination.unwatch(ended)
        return True


class Link(_Tie):
    """Two actors that fail together.

    When one fails, the other ends with the same error: at once and without its hooks on a loop, as soon as it
    comes to the message in a thread. An actor whose class says `traps_exits` is told by an `Exit` instead,
    also of an end that is no failure. A link to an actor that has ended already is a failure of that one.
    """

    def __init__(self, one: Ref, other: Ref) -> None:
        super().__init__()
        self.watch(one, partial(_exit, other, one))
        self.watch(other, partial(_exit, one, other))

    def unlink(self) -> None:
        """Let each end alone from now on."""
        self.cut()


class Monitor(_Tie):
    """Tells `watcher` by one `ActorDown` when `watched` has ended, or at once when it has."""

    def __init__(self, watcher: Ref, watched: Ref) -> None:
        super().__init__()
        self.watch(watched, lambda error: watcher.signal(ActorDown(watched, error)))

    def demonitor(self) -> None:
        """Tell nothing any more."""
        self.cut()


def _exit(survivor: Ref, gone: Ref, error: BaseException | None) -> None:
    if survivor.actor_class.traps_exits:
        survivor.signal(Exit(gone, error))
    elif error is not None:
        survivor.fail(error)
