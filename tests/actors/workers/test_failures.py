import importlib
import pickle
import pkgutil
from collections.abc import Callable, Iterator

import msgspec
import pytest

import actors
import bot
import config
import storage
import supervision
from actors.models.errors import ModelError, ModelRateLimitedError
from actors.workers.errors import WorkerFaultError
from actors.workers.failures import Failure, describe, rebuild
from actors.workers.frames import Failed, FrameDecoder, encode
from config.errors import TroupeError
from supervision.errors import EscalatedError

pytestmark = pytest.mark.unit

PROGRAMS = ("ray_driver", "model_child", "__main__")
"""They import what no test of errors needs."""


def _family(root: type[TroupeError]) -> Iterator[type[TroupeError]]:
    yield root
    for child in root.__subclasses__():
        yield from _family(child)


def _all_errors() -> list[type[TroupeError]]:
    """Import every module of ours, and collect the errors that they define."""
    for package in (actors, bot, config, storage, supervision):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(PROGRAMS):
                importlib.import_module(module.name)
    ours = {kind for kind in _family(TroupeError) if not kind.__module__.startswith("test")}
    return sorted(ours, key=lambda kind: f"{kind.__module__}.{kind.__qualname__}")


def _fields(error: TroupeError) -> dict[str, object]:
    """Return the type, what it was made of, what it says, and every field that it or a base declares."""
    declared = {name for base in type(error).__mro__ for name in vars(base).get("__annotations__", {})}
    fields = {name: getattr(error, name) for name in sorted(declared | set(vars(error)))}
    return {"type": type(error), "args": error.args, "words": str(error)} | fields


def _through_pickle(error: TroupeError) -> TroupeError:
    copy: TroupeError = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    return copy


def _through_a_frame(error: TroupeError) -> TroupeError:
    (frame,) = FrameDecoder().feed(encode(Failed(1, describe(error))))
    assert isinstance(frame, Failed)
    return rebuild(frame.failure)


@pytest.mark.parametrize("kind", _all_errors(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("carry", [_through_pickle, _through_a_frame], ids=["pickle", "frame"])
def test_every_error_of_ours_crosses_processes_with_all_its_fields(
    kind: type[TroupeError], carry: Callable[[TroupeError], TroupeError]
) -> None:
    error = kind("what happened", not kind.retryable, 2.5, "Sorry.")
    fields = _fields(error)

    assert {"message", "retryable", "retry_after", "user_message", "fatal"} <= set(fields)
    assert _fields(carry(error)) == fields


@pytest.mark.parametrize("kind", _all_errors(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("carry", [_through_pickle, _through_a_frame], ids=["pickle", "frame"])
def test_what_comes_from_the_class_crosses_as_well(
    kind: type[TroupeError], carry: Callable[[TroupeError], TroupeError]
) -> None:
    error = kind("what happened")

    assert _fields(carry(error)) == _fields(error)


def test_an_escalation_crosses_with_what_its_cause_made_of_it() -> None:
    error = EscalatedError("a child failed for good")
    error.fatal = True

    assert _through_pickle(error).fatal


def test_a_bug_arrives_as_a_worker_fault_that_names_the_type_only() -> None:
    arrived = rebuild(describe(ZeroDivisionError("secret text")))

    assert isinstance(arrived, WorkerFaultError)
    assert str(arrived) == "ZeroDivisionError in a worker"


def test_an_unknown_class_becomes_its_nearest_known_base() -> None:
    failure = Failure(("elsewhere.NewError", "actors.models.errors.ModelRateLimitedError"), ("m", True, 3.0))

    arrived = rebuild(failure)

    assert (type(arrived), arrived.retry_after) == (ModelRateLimitedError, 3.0)


def test_a_failure_of_strangers_is_a_model_error() -> None:
    assert type(rebuild(Failure(("builtins.SystemExit",), ("m",)))) is ModelError


def test_arguments_that_the_class_does_not_take_still_give_an_error() -> None:
    kinds = ("config.errors.TroupeError",)

    assert rebuild(Failure(kinds, ("a", None, None, None, "b"))).message == "a b"


def test_a_failure_is_plain_data() -> None:
    failure = describe(ModelError("m", retry_after=1.0))

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(failure), type=Failure) == failure
