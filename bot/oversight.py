"""The live tree of the whole stage, and a dump of it with every stack."""

import asyncio
import faulthandler
import io
import signal
import sys
import threading
import traceback
from collections.abc import Callable

from bot.stacks import task_stacks
from supervision.tree import Node, render

DEEPEST = 12
"""Frames of a stack that are shown."""


class Oversight:
    """Looks at everything that runs without disturbing it.

    Args:
        parts: give the tree of each part, in the order of their start; None for one that has none yet.
    """

    def __init__(self, *parts: Callable[[], Node | None]) -> None:
        self._parts = parts

    def snapshot(self) -> Node:
        """Return the tree as it is now."""
        found = [node for part in self._parts if (node := part()) is not None]
        return Node(name="troupe", kind="supervisor", state="running", children=found)

    def dump(self) -> str:
        """Return the tree, and the stack of every task and thread."""
        out = io.StringIO()
        print(f"=== troupe: {threading.active_count()} threads ===", file=out)
        print(render(self.snapshot()), file=out)
        print(task_stacks(asyncio.all_tasks()), file=out)
        for number, frame in sys._current_frames().items():  # noqa: SLF001 - documented, the only way
            print(f"--- thread {number}", file=out)
            traceback.print_stack(frame, limit=DEEPEST, file=out)
        return out.getvalue()


def dump_on_signal(oversight: Oversight) -> None:
    """Write the dump to standard error at SIGUSR1; a loop that hangs still shows its threads' stacks."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: print(oversight.dump(), file=sys.stderr, flush=True))  # noqa: T201 - for the operator
    faulthandler.register(signal.SIGUSR1, all_threads=True, chain=True)
