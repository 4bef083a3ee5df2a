"""Who keeps workers alive: as many of each kind as are wanted, whatever dies."""

import contextlib
import itertools
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

from typing_extensions import override

from actors.workers.control import Create, Died, Kill, Report
from actors.workers.driver import Driver, DriverKind, process_driver, ray_driver
from actors.workers.errors import HostError
from actors.workers.frames import Hello
from actors.workers.hosted import HostedWorker
from actors.workers.hub import Departure, Hub
from actors.workers.orders import Orders
from config.logs import get_logger
from supervision.child import Child
from supervision.errors import SupervisionError
from supervision.policy import Backoff, Policy, Strategy
from supervision.supervisor import Supervisor, supervisor_child
from supervision.tree import Node

log = get_logger(__name__)

READY_S = 60.0
"""How long a driver may take until it can create workers; Ray alone needs 4 to 7 s."""

BIRTH_S = 30.0
"""How long a worker may take from its creation to its hello."""

PARTING_S = 660.0
"""How long a worker that is not needed any more may take to finish its streams: no request lasts longer."""

STOP_S = 8.0
"""How long a driver may take to end all that it hosts."""

IN_GOOD_ORDER = ("stopped", "retired")

HostState = Literal["stopped", "starting", "ready", "down"]


class WorkerHost(Protocol):
    """Starts workers and replaces lost ones, from `start` to `stop`."""

    @property
    def state(self) -> HostState:
        """`down` means that it failed and will start again by itself."""
        ...

    @property
    def restarts(self) -> int:
        """How often the host itself had to start again."""
        ...

    async def start(self) -> None:
        """Begin to start; returns at once."""
        ...

    async def ensure(self, kind: str, count: int) -> None:
        """Want `count` workers of a kind; returns at once."""
        ...

    async def stop(self) -> None:
        """End all workers and everything that hosts them. May be called twice."""
        ...

    def snapshot(self) -> Node | None:
        """Return the supervision tree as it is now; None where there is nothing to supervise."""
        ...


class DriverHost:
    """Hosts workers through a driver process; `orders` gives what a new worker is told, by id and kind.

    A supervision tree of its own: first the driver, then a supervisor with a child for each wanted worker. It
    never gives up: the stage answers by itself meanwhile.
    """

    def __init__(self, hub: Hub, driver: DriverKind, orders: Callable[[str, str], Orders]) -> None:
        self._hub = hub
        self._kind = driver
        self._orders = orders
        self._wanted: dict[str, list[str]] = {}
        self._workers: dict[str, HostedWorker] = {}
        self._places: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        self._numbers = itertools.count(1)
        self._starts = 0
        self._stopping = False
        self._driver: Driver | None = None
        self._staff: Supervisor | None = None
        self._supervisor: Supervisor | None = None
        hub.on_join.append(self._joined)
        hub.on_loss.append(self._lost)

    @property
    def state(self) -> HostState:
        """Whether workers can be started."""
        if self._supervisor is None or self._stopping:
            return "stopped"
        if self._driver is not None and self._driver.alive:
            return "ready"
        return "down" if self.restarts else "starting"

    @property
    def restarts(self) -> int:
        """How often the driver had to start again."""
        return max(0, self._starts - 1)

    @property
    def driver_pid(self) -> int | None:
        """The driver's process, while it lives."""
        return self._driver.pid if self._driver is not None and self._driver.alive else None

    async def start(self) -> None:
        """Begin to start the driver; returns at once."""
        children = [
            Child(name="driver", start=self._start_driver, start_timeout_s=READY_S, stop_budget_s=STOP_S),
            supervisor_child("staff", self._make_staff, wait=False, stop_budget_s=PARTING_S),
        ]
        self._supervisor = Supervisor("host", children, tireless("rest_for_one"))
        await self._supervisor.start(wait=False)

    async def ensure(self, kind: str, count: int) -> None:
        """Want `count` workers of a kind; returns at once. Those too many end when their streams have.

        A name is never used again: who had it may still be finishing its streams.
        """
        names = self._wanted.setdefault(kind, [])
        while len(names) < count:
            names.append(f"{kind}-{next(self._places[kind])}")
            if self._staff is not None:
                with contextlib.suppress(SupervisionError):  # it is stopping; the next staff has it
                    self._staff.add(self._child(kind, names[-1]))
        while len(names) > count:
            name = names.pop()
            if self._staff is not None and name in self._staff:
                self._staff.remove(name)

    async def stop(self) -> None:
        """End all workers, the driver and every process that it has started. May be called twice."""
        self._stopping = True
        for worker_id in self._workers:
            self._hub.drop(worker_id, "stopped")
        if self._supervisor is not None:
            await self._supervisor.stop()

    def snapshot(self) -> Node | None:
        """Return the tree of driver and workers as it is now."""
        return None if self._supervisor is None else self._supervisor.snapshot()

    async def _start_driver(self) -> Driver:
        self._starts += 1
        self._driver = await Driver.start(self._kind, self._hear, self._driver_gone)
        log.info("worker_host_ready", driver=self._kind.module, pid=self._driver.pid)
        return self._driver

    def _driver_gone(self) -> None:
        """Count its workers lost at once; whatever still lives of them is cleared away."""
        for worker in list(self._workers.values()):
            worker.lost("the driver is gone")

    def _make_staff(self) -> Supervisor:
        children = [self._child(kind, name) for kind, names in self._wanted.items() for name in names]
        self._staff = Supervisor("staff", children, tireless("one_for_one"))
        return self._staff

    def _child(self, kind: str, name: str) -> Child:
        return Child(
            name=name,
            start=lambda: self._start_worker(kind),
            start_timeout_s=BIRTH_S,
            stop_budget_s=PARTING_S,
        )

    async def _start_worker(self, kind: str) -> HostedWorker:
        driver = self._driver
        if driver is None or not driver.alive:
            raise HostError("There is no driver")
        worker_id = f"{kind}-{next(self._numbers)}"
        worker = HostedWorker(lambda: self._part(worker_id), lambda: self._slay(driver, worker_id))
        self._workers[worker_id] = worker
        driver.tell(Create(self._orders(worker_id, kind)))
        try:
            await worker.born()
        except BaseException:
            worker.kill()
            raise
        return worker

    def _part(self, worker_id: str) -> None:
        """Let a worker go: in peace while the stage goes on, at once where that is pointless."""
        if self._stopping or self.state != "ready":
            self._hub.drop(worker_id, "stopped")
        else:
            self._hub.retire(worker_id)

    def _slay(self, driver: Driver, worker_id: str) -> None:
        """Make sure that a worker is gone, also one that hangs."""
        worker = self._workers.pop(worker_id)
        is_here = self._hub.door.address.startswith("unix:")
        driver.tell(Kill(worker_id, worker.pid if is_here else None))
        self._hub.drop(worker_id, "lost")

    def _hear(self, report: Report) -> None:
        if isinstance(report, Died) and (worker := self._workers.get(report.id)) is not None:
            worker.lost(report.reason)

    def _joined(self, hello: Hello) -> None:
        if (worker := self._workers.get(hello.id)) is not None:
            worker.joined(hello)

    def _lost(self, departure: Departure) -> None:
        if (worker := self._workers.get(departure.hello.id)) is None:
            return
        if departure.reason in IN_GOOD_ORDER and self.driver_pid is not None:
            worker.left()
        else:
            worker.lost(departure.reason)


def tireless(strategy: Strategy) -> Policy:
    """Return a policy that never escalates: without workers the stage is slower, not broken.

    Args:
        strategy: who is restarted with a failed child.
    """
    backoff = Backoff(first_s=0.2, cap_s=10.0, healthy_s=10.0)
    return Policy(strategy=strategy, intensity=sys.maxsize, backoff=backoff)


class NoHost:
    """Hosts nothing: every call runs in the stage's own process."""

    state: HostState = "stopped"
    restarts = 0

    async def start(self) -> None:
        """Do nothing."""

    async def ensure(self, kind: str, count: int) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""

    def snapshot(self) -> None:
        """Return None: there is nothing to supervise."""


class RayHost(DriverHost):
    """Workers as Ray actors, on a local Ray or on the cluster at `address`."""

    @override
    def __init__(self, hub: Hub, orders: Callable[[str, str], Orders], address: str | None = None) -> None:
        super().__init__(hub, ray_driver(address), orders)


class ProcessHost(DriverHost):
    """Workers as plain processes of this host."""

    @override
    def __init__(self, hub: Hub, orders: Callable[[str, str], Orders]) -> None:
        super().__init__(hub, process_driver(), orders)
