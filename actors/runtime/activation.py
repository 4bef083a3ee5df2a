"""Starting the actor of a key: a start that cannot begin, or hangs, is an actor that failed to start."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar, cast

from typing_extensions import override

from actors.runtime.actor import AsyncioActor
from actors.runtime.errors import ActivationError, ActivationTimeoutError
from actors.runtime.ref import AsyncioRef

A = TypeVar("A", bound=AsyncioActor)


class _Stillborn(AsyncioActor):
    """Stands for an actor that could not be made, and fails of the same error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    @override
    def on_start(self) -> None:
        raise self._error


def start_within(start_s: float | None, start: Callable[[], AsyncioRef[A]]) -> AsyncioRef[A]:
    """Start an actor; whatever goes wrong is an error of its `on_start`.

    Args:
        start_s: seconds until its `on_start` must have come to its end; None for any time.
        start: starts it.
    """
    try:
        ref = start()
    except Exception as error:  # noqa: BLE001 - it is the actor's end
        return cast("AsyncioRef[A]", _Stillborn.start(error))
    if start_s is not None:
        timer = asyncio.get_running_loop().call_later(start_s, _give_up, ref, start_s)
        ref.termination.watch_start(timer.cancel)
    return ref


def _give_up(ref: AsyncioRef[Any], start_s: float) -> None:
    ref.fail(ActivationTimeoutError(f"{start_s} seconds"))


def activation_error(error: BaseException) -> ActivationError:
    """Return what senders are told when an actor failed to start of `error`."""
    return error if isinstance(error, ActivationError) else ActivationError().caused_by(error)
