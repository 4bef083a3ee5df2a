"""Who keeps workers alive: as many of each kind as are wanted, whatever dies."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec
from typing_extensions import override

from actors.workers.backoff import Backoff
from actors.workers.control import Create, Died, Kill, Ready, Report
from actors.workers.driver import Driver, DriverKind, process_driver, ray_driver
from actors.workers.errors import HostError
from actors.workers.frames import Hello
from actors.workers.hub import Departure, Hub
from actors.workers.orders import Orders
from config.logs import get_logger

log = get_logger(__name__)

BIRTH_S = 30.0
"""How long a worker may take from its creation to its hello."""

LOOK_S = 0.5
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

    async def stop(self, within_s: float) -> None:
        """End all workers and everything that hosts them. May be called twice."""
        ...


class Charge(msgspec.Struct):
    """A worker that the host has created. `pid` is known once it has said hello and runs on this host."""

    kind: str
    born: float
    joined: bool = False
    pid: int | None = None


class DriverHost:
    """Hosts workers through a driver process; `orders` gives what a new worker is told, by id and kind."""

    def __init__(self, hub: Hub, driver: DriverKind, orders: Callable[[str, str], Orders]) -> None:
        self.state: HostState = "stopped"
        self.restarts = 0
        self._hub = hub
        self._kind = driver
        self._orders = orders
        self._wanted: dict[str, int] = {}
        self._charges: dict[str, Charge] = {}
        self._patience: dict[str, Backoff] = {}
        self._resting: dict[str, asyncio.TimerHandle] = {}
        self._numbers = itertools.count(1)
        self._driver: Driver | None = None
        self._tasks: list[asyncio.Task[None]] = []
        hub.on_join.append(self._joined)
        hub.on_loss.append(self._lost)

    async def start(self) -> None:
        """Begin to start the driver; returns at once."""
        self.state = "starting"
        self._tasks = [
            asyncio.create_task(self._keep(), name="worker host"),
            asyncio.create_task(self._look(), name="worker host's look"),
        ]

    async def ensure(self, kind: str, count: int) -> None:
        """Want `count` workers of a kind; returns at once. Those too many end when their streams have."""
        self._wanted[kind] = count
        self._level()

    async def stop(self, within_s: float = 8.0) -> None:
        """End all workers, the driver and every process that it has started."""
        starting, self.state = self.state == "starting", "stopped"
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._bury(0.0 if starting else within_s)

    async def _keep(self) -> None:
        """Start the driver again whenever it ends."""
        patience = Backoff(first_s=0.5, healthy_s=30.0)
        loop = asyncio.get_running_loop()
        while True:
            born = loop.time()
            try:
                await self._live()
            except HostError as error:
                log.warning("worker_host_failed", error=str(error))
            self.state = "down"
            self.restarts += 1
            await self._bury(0.0)
            await asyncio.sleep(patience.after(loop.time() - born))
            self.state = "starting"

    async def _live(self) -> None:
        self._driver = driver = await Driver.start(self._kind)
        async for report in driver.reports():
            self._hear(report)
        log.warning("worker_driver_ended", driver=self._kind.module, last_words=driver.last_words())

    async def _bury(self, within_s: float) -> None:
        """End the driver, and cut off its workers should some of them live on."""
        driver, self._driver = self._driver, None
        charges, self._charges = self._charges, {}
        for worker_id in charges:
            self._hub.drop(worker_id, "host")
        if driver is not None:
            await driver.end(within_s)

    def _hear(self, report: Report) -> None:
        match report:
            case Ready():
                self.state = "ready"
                log.info("worker_host_ready", driver=self._kind.module)
                self._level()
            case Died(worker_id, reason):
                self._gone(worker_id, reason)
            case _:
                pass

    def _joined(self, hello: Hello) -> None:
        if (charge := self._charges.get(hello.id)) is not None:
            charge.joined = True
            charge.pid = hello.pid if self._hub.door.address.startswith("unix:") else None

    def _lost(self, departure: Departure) -> None:
        self._gone(departure.hello.id, departure.reason)

    def _gone(self, worker_id: str, reason: str) -> None:
        """Make sure that a worker is dead, and fill its place when its kind may try again."""
        charge = self._charges.pop(worker_id, None)
        if charge is None:
            return
        self._hub.drop(worker_id, reason)
        if self._driver is not None:
            self._driver.tell(Kill(worker_id, charge.pid))
        loop = asyncio.get_running_loop()
        patience = self._patience.setdefault(charge.kind, Backoff())
        wait = 0.0 if reason == "retired" else patience.after(loop.time() - charge.born)
        log.info("worker_gone", worker=worker_id, reason=reason, wait_s=round(wait, 3))
        if (rest := self._resting.get(charge.kind)) is not None:
            rest.cancel()
        self._resting[charge.kind] = loop.call_later(wait, self._rested, charge.kind)

    def _rested(self, kind: str) -> None:
        self._resting.pop(kind, None)
        self._level()

    def _level(self) -> None:
        """Create workers that are missing, retire those too many."""
        if self.state != "ready" or self._driver is None:
            return
        for kind, wanted in self._wanted.items():
            present = [worker_id for worker_id, charge in self._charges.items() if charge.kind == kind]
            for worker_id in present[wanted:]:
                self._hub.retire(worker_id)
            if kind not in self._resting:
                for _ in range(wanted - len(present)):
                    self._create(self._driver, kind)

    def _create(self, driver: Driver, kind: str) -> None:
        worker_id = f"{kind}-{next(self._numbers)}"
        self._charges[worker_id] = Charge(kind, asyncio.get_running_loop().time())
        driver.tell(Create(self._orders(worker_id, kind)))

    async def _look(self) -> None:
        """Give up workers that never say hello."""
        while True:
            await asyncio.sleep(LOOK_S)
            now = asyncio.get_running_loop().time()
            for worker_id, charge in list(self._charges.items()):
                if not charge.joined and now - charge.born > BIRTH_S:
                    self._gone(worker_id, "unborn")


class NoHost:
    """Hosts nothing: every call runs in the stage's own process."""

    state: HostState = "stopped"
    restarts = 0

    async def start(self) -> None:
        """Do nothing."""

    async def ensure(self, kind: str, count: int) -> None:
        """Do nothing."""

    async def stop(self, within_s: float = 0.0) -> None:
        """Do nothing."""


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
