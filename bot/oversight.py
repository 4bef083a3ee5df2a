"""The live tree of the whole stage, and a dump of it with every stack."""

import asyncio
import faulthandler
import signal
import sys
from collections.abc import Callable

from bot.stacks import task_stacks
from supervision.tree import Node, render


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
        """Return the tree, and where every task waits."""
        return "\n".join(["=== troupe ===", render(self.snapshot()), task_stacks(asyncio.all_tasks())])


def dump_on_signal(oversight: Oversight) -> None:
    """Write the dump to standard error at SIGUSR1; the threads' stacks come first, even if it hangs."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: print(oversight.dump(), file=sys.stderr, flush=True))  # noqa: T201 - for the operator
    faulthandler.register(signal.SIGUSR1, all_threads=True, chain=True)
