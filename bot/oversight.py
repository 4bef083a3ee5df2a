"""The live tree of the whole stage, and a dump of it with every stack."""

import asyncio
import faulthandler
import signal
import sys

from bot.stacks import task_stacks
from storage.database import Database
from supervision.supervisor import Supervisor
from supervision.tree import Node, render


class StorageView:
    """What the tree shows of the storage: whether it answers, be it ours or not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def snapshot(self) -> Node:
        """Return it as it is now."""
        return Node(name="storage", state="up" if self._database.answers else "down")


class Oversight:
    """Looks at everything below the root without disturbing it."""

    def __init__(self, root: Supervisor) -> None:
        self._root = root

    def snapshot(self) -> Node:
        """Return the tree as it is now."""
        return self._root.snapshot()

    def dump(self) -> str:
        """Return the tree, and where every task waits."""
        return "\n".join(["=== troupe ===", render(self.snapshot()), task_stacks(asyncio.all_tasks())])


def dump_on_signal(oversight: Oversight) -> None:
    """Write the dump to standard error at SIGUSR1; the threads' stacks come first, even if it hangs."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: print(oversight.dump(), file=sys.stderr, flush=True))  # noqa: T201 - for the operator
    faulthandler.register(signal.SIGUSR1, all_threads=True, chain=True)
