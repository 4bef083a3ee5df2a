"""What can go wrong between actors."""

import asyncio
from typing import Any

from pykka import ActorDeadError, Timeout

from config.errors import TroupeError


class ActorError(TroupeError):
    """An actor could not do what was asked of it."""


class ActorGoneError(ActorError, ActorDeadError):
    """The actor stopped before it handled the message."""

    retryable = True


class AskTimeoutError(ActorError, Timeout):
    """No answer came in time."""

    retryable = True


class DeadlineError(ActorError, Timeout):
    """The deadline of the message passed before the actor came to it."""


class DeadlockError(ActorError):
    """Waiting here can never end: the loop or the actor that would answer is the one that waits."""


class OverloadedError(ActorError):
    """The mailbox is full."""

    retryable = True
    user_message = "Too much is going on at once; please try again in a moment."


class CrashLoopError(OverloadedError):
    """The actor fails again and again; too much waits already for its next start."""


class HandlerCancelledError(ActorError):
    """The work on the message was cancelled."""

    retryable = True


class KilledError(ActorError):
    """The actor was ended without being asked."""

    retryable = True


class ActivationError(ActorError):
    """The actor behind a key could not be started."""

    retryable = True


class ActivationTimeoutError(ActivationError):
    """The actor behind a key was given up because its `on_start` came to no end."""


class NoLoopError(ActorError):
    """An asyncio actor was started where no event loop runs and none was given."""


def as_exception(error: BaseException) -> Any:
    """Return the error of a handler, where one that was cancelled has failed and doesn't end all actors."""
    if isinstance(error, asyncio.CancelledError):
        return HandlerCancelledError().caused_by(error)
    return error
