"""Errors as data: how an error crosses from one process into another with all its fields."""

from collections.abc import Callable, Iterator
from typing import cast

import msgspec

from actors.models.errors import ModelError
from actors.workers.errors import WorkerFaultError
from config.errors import TroupeError

Scalar = str | int | float | bool | None


class Failure(msgspec.Struct, frozen=True):
    """An error without its traceback.

    Attributes:
        kinds: the names of the error's class and its bases, nearest first, up to `TroupeError`.
        arguments: what the class was constructed with.
    """

    kinds: tuple[str, ...]
    arguments: tuple[Scalar, ...] = ()


def describe(error: BaseException) -> Failure:
    """Return `error` as data; a stranger becomes a `WorkerFaultError` with the name of its type."""
    if not isinstance(error, TroupeError):
        error = WorkerFaultError(f"{type(error).__name__} in a worker")
    kinds = tuple(_name(base) for base in type(error).__mro__ if issubclass(base, TroupeError))
    return Failure(kinds, tuple(_scalar(argument) for argument in error.args))


def rebuild(failure: Failure) -> TroupeError:
    """Return the error again; a class that this process does not know becomes its nearest known base."""
    known = {_name(kind): kind for kind in _family(TroupeError)}
    kind = next((known[name] for name in failure.kinds if name in known), ModelError)
    try:
        return cast("Callable[..., TroupeError]", kind)(*failure.arguments)
    except (TypeError, ValueError):
        return ModelError(" ".join(str(argument) for argument in failure.arguments if argument))


def _family(root: type[TroupeError]) -> Iterator[type[TroupeError]]:
    yield root
    for child in root.__subclasses__():
        yield from _family(child)


def _name(kind: type[BaseException]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _scalar(argument: object) -> Scalar:
    return argument if argument is None or isinstance(argument, str | int | float) else str(argument)
