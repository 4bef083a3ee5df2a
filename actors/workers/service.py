"""Everything that answers chat requests, as one object: hub, pool, host and the fallback in this process."""

import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from actors.models.chat import ChatEvent, ChatRequest
from actors.models.embedded import BUILT_IN, OWN_FILE
from actors.workers.fallback import InProcessChat
from actors.workers.frames import Hello
from actors.workers.groups import Group, read_resources, read_size
from actors.workers.guard import EMBEDDED, GuardedChat, ModelState
from actors.workers.host import STOP_S, HostState, NoHost, ProcessHost, RayHost, WorkerHost, tireless
from actors.workers.hub import Hub
from actors.workers.orders import Orders
from actors.workers.pool import WorkerPool
from actors.workers.scaling import Autoscaler
from config.settings import Settings
from supervision.child import Child
from supervision.gate import GatePolicy
from supervision.life import KILL_GRACE_S
from supervision.limiter import LimitPolicy
from supervision.resource import resource_child
from supervision.supervisor import Supervisor
from supervision.task import task_child
from supervision.tree import Node


class WorkerState(msgspec.Struct, frozen=True):
    """A connected worker. `cpu_s` is the processor time that it has used."""

    id: str
    kind: str
    pid: int
    streams: int
    capacity: int
    cpu_s: float


class ServiceStatus(msgspec.Struct, frozen=True):
    """What serves chat right now.

    Attributes:
        host: the setting `worker_host`.
        host_state: `starting` and `down` mean that calls run in this process for the time being.
        host_restarts: how often the host itself had to start again.
        workers: those that are connected.
        fallback_streams: streams in flight in this process.
        embedded: the embedded model is wanted.
        embedded_here: it runs as a child of this process, not of a worker.
        models: how every model is doing that was asked so far.
    """

    host: str
    host_state: HostState
    host_restarts: int
    workers: tuple[WorkerState, ...]
    fallback_streams: int
    embedded: bool
    embedded_here: bool
    models: tuple[ModelState, ...] = ()

    @property
    def degraded(self) -> bool:
        """Workers are wanted and none is there."""
        return self.host != "none" and not self.workers


class LlmService:
    """A `ChatModel` that is there from the first moment and gets better when its workers have come.

    A supervision tree of its own: the host, if there is one; what follows the load, if it may; and
    the heartbeat of connections. It never gives up, for the stage answers by itself meanwhile.

    Args:
        settings: where workers run, `llm_gguf`, `llm_concurrency` and the logs' are used.
        embedded: the embedded model is the active one.
    """

    def __init__(self, settings: Settings, *, embedded: bool = False) -> None:
        self._settings = settings
        self._embedded = embedded
        gguf = settings.llm_gguf
        self._gguf = None if gguf is None else str(Path(gguf).expanduser().resolve())
        self.hub = Hub(_host_of(settings.ray_address))
        self.fallback = InProcessChat(self._gguf)
        self.host = self._choose_host()
        self._group = Group(read_size(settings.llm_workers), time.monotonic)
        self._resources = {
            "llm": read_resources(settings.llm_resources),
            "embedded": read_resources(settings.embedded_resources),
        }
        policy = GatePolicy(limit=LimitPolicy(most=settings.llm_concurrency))
        slots = (BUILT_IN if gguf is None else OWN_FILE).slots
        self.guard = GuardedChat(WorkerPool(self.hub, self.fallback), policy, slots)
        self.hub.on_join.append(self._joined)
        self._tree = Supervisor("workers", self._parts(), tireless("one_for_one"))

    async def start(self) -> None:
        """Listen for workers and begin to start them; requests are answered from now on.

        Raises:
            OSError: the socket cannot be made.
        """
        await self.hub.start()
        await self.host.ensure("llm", self._group.count)
        await self.host.ensure("embedded", int(self._embedded))
        await self._tree.start()

    async def stop(self) -> None:
        """End all streams, workers and the processes that host them. May be called twice."""
        await self._tree.stop()
        await self.hub.stop()
        await self.fallback.stop()

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Yield deltas and at last one `Finished`; closing the iterator cancels the generation.

        Raises:
            ModelError: any failure, typed by cause.
        """
        return self.guard.stream(request)

    async def use_embedded(self, active: bool) -> None:
        """Start or end the worker that owns the embedded model; returns at once."""
        self._embedded = active
        await self.host.ensure("embedded", int(active))
        if not active:
            self.fallback.hand_over()

    def status(self) -> ServiceStatus:
        """Return what serves right now."""
        return ServiceStatus(
            host=self._settings.worker_host,
            host_state=self.host.state,
            host_restarts=self.host.restarts,
            workers=tuple(
                WorkerState(hello.id, hello.kind, hello.pid, len(link.streams), hello.capacity, link.cpu_s)
                for link in self.hub.links.values()
                if (hello := link.hello) is not None
            ),
            fallback_streams=self.fallback.streams,
            embedded=self._embedded,
            embedded_here=self.fallback.has_model,
            models=self.guard.states(),
        )

    def snapshot(self) -> Node:
        """Return the supervision tree as it is now."""
        return self._tree.snapshot()

    def _parts(self) -> Iterator[Child]:
        if not isinstance(self.host, NoHost):
            yield resource_child("host", self._hosting, stop_budget_s=STOP_S + KILL_GRACE_S)
        if not self._group.size.is_fixed:
            scaler = Autoscaler(self.hub, self.host, "llm", self._group, self._load)
            yield task_child("scaling", scaler.run)
        yield task_child("heartbeat", self.hub.beat)

    @asynccontextmanager
    async def _hosting(self) -> AsyncGenerator[WorkerHost, None]:
        await self.host.start()
        try:
            yield self.host
        finally:
            await self.host.stop()

    def _load(self) -> int:
        """Count the requests to model servers: those under way, in workers or here, and those that wait."""
        models = [state for state in self.guard.states() if state.provider != EMBEDDED.provider]
        return sum(state.in_flight + state.waiting for state in models)

    def _choose_host(self) -> WorkerHost:
        match self._settings.worker_host:
            case "ray":
                return RayHost(self.hub, self._orders, self._settings.ray_address)
            case "processes":
                return ProcessHost(self.hub, self._orders)
            case "none":
                return NoHost()

    def _orders(self, worker_id: str, kind: str) -> Orders:
        return Orders(
            id=worker_id,
            kind=kind,
            door=self.hub.door,
            gguf=self._gguf,
            otlp_endpoint=self._settings.otlp_endpoint,
            log_level=self._settings.log_level,
            resources=self._resources[kind],
        )

    def _joined(self, hello: Hello) -> None:
        if hello.kind == "embedded":
            self.fallback.hand_over()


def _host_of(ray_address: str | None) -> str | None:
    """Return the host of a cluster's head; None without a cluster."""
    if not ray_address:
        return None
    return urlsplit(ray_address if "//" in ray_address else f"//{ray_address}").hostname or "127.0.0.1"
