"""A guard against calls that would block an event loop, over everything of ours that runs on one."""

import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar
from unittest import mock

from blockbuster import BlockBuster, BlockBusterFunction, BlockingError

ROOT = Path(__file__).parents[1]
ASYNCHRONOUS = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

GUARDED = ("actors", "bot", "storage", "supervision")
"""`config` reads its files before there is a loop."""

STRICT = ("actors/runtime", "supervision")
"""Here nothing blocks, whoever calls it."""

ALLOWED: tuple[tuple[str, set[str]], ...] = (
    # Not ours: what coverage does inside, a line of the log, and asyncpg's look for a password file.
    ("coverage/collector.py", {"lock_data"}),
    ("logging/__init__.py", {"emit", "flush"}),
    ("structlog/dev.py", {"__call__"}),
    ("asyncpg/connect_utils.py", {"_parse_connect_dsn_and_args"}),
    # Where things lie: a link is followed or a folder made, when a part starts and never again.
    ("config/settings.py", {"data_path"}),
    ("storage/embedded/server.py", {"__init__"}),
    ("actors/workers/folder.py", {"private_folder", "__init__"}),
    ("actors/workers/shelf.py", {"open"}),
    # OpenSSL takes a key from a file only; written and removed before any worker is there.
    ("actors/workers/certificate.py", {"server_context"}),
    # The token of this machine's operators: read at the start, and by programs that do nothing else.
    ("bot/operators.py", {"control_token"}),
    # `troupe doctor` is such a program: its loop serves nobody who could wait.
    ("bot/doctor.py", {"_examine", "_switch"}),
)
"""Who may block: a file and functions of it, with all that they call."""


_OURS = tuple(str(ROOT / package) for package in GUARDED)
_STRICT = tuple(str(ROOT / package) for package in STRICT)
_TESTS = str(ROOT / "tests")


class CaughtError(BlockingError):
    """Keeps what was caught, for ours may bear it like any other failure of a part."""

    caught: ClassVar[list[str]] = []

    def __init__(self, call: str) -> None:
        super().__init__(call)
        self.caught.append(f"{call} in {_place()}")


def _place() -> str:
    """Return the innermost place of ours on the stack."""
    frames = [frame for frame in traceback.extract_stack() if frame.filename.startswith(_OURS)]
    return f"{frames[-1].filename}:{frames[-1].lineno} {frames[-1].name}"


def _is_a_test_s_own() -> bool:
    """True when a test calls a plain function of ours that blocks: it may, for the loop is its own."""
    between = False
    frame = sys._getframe(2)
    while frame is not None and "/asyncio/" not in (file := frame.f_code.co_filename):
        if file.startswith(_TESTS):
            return between
        if file.startswith(_OURS):
            if file.startswith(_STRICT) or frame.f_code.co_flags & ASYNCHRONOUS:
                return False
            between = True
        frame = frame.f_back  # type: ignore[assignment] - the outermost has none
    return False


def _make_exceptions(function: BlockBusterFunction) -> None:
    for file, names in ALLOWED:
        function.can_block_in(file, names)
    harmless = function.can_block_predicate
    function.can_block_predicate = lambda *given, **named: harmless(*given, **named) or _is_a_test_s_own()


@contextmanager
def no_blocking() -> Iterator[list[str]]:
    """Raise where a call of ours would block the loop that it runs on; gives the list of what was caught."""
    guard = BlockBuster(scanned_modules=list(GUARDED))
    for function in guard.functions.values():
        _make_exceptions(function)
    CaughtError.caught.clear()
    with mock.patch("blockbuster.blockbuster.BlockingError", CaughtError):
        guard.activate()
        try:
            yield CaughtError.caught
        finally:
            guard.deactivate()
