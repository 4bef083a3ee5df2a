"""A driver that hosts workers as Ray actors: `python -m actors.workers.ray_driver`. The only importer of Ray.

Ray places workers, starts and kills them; it never restarts one and carries no token. The driver ends when
its standard input closes, at once when Ray's own processes die, and soon when they hang: starting again is
the host's work.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import psutil
import ray as typed_ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.workers.control import Create, Died, Kill, List, Listing, Ready, Report, read_command, to_line
from actors.workers.orders import Orders
from actors.workers.process import live

ray: Any = typed_ray
"""Ray's own annotations are full of gaps."""

STORE_BYTES = 80 * 1024**2
CONCURRENCY = 1000
STOP_S = 5
"""How long Ray may take to shut down; then this process ends and takes Ray's along."""

VITAL = ("gcs_server", "raylet")
DISPENSABLE = ("dashboard.py", "monitor.py", "log_monitor.py")
"""Helpers of Ray that nothing here needs, 150 MB together."""

RAY_LOST = 70

CHECK_S = 2.0
"""How often Ray's head is asked whether our node lives."""

ANSWER_S = 10.0
"""How long the head may take to answer."""

SHUN_S = 60.0
"""How long a node on which a worker died is avoided: an untuned Ray needs that long to see it dead."""

PACKAGES = ("actors", "config")
"""What a worker imports of ours."""


def code_for_nodes() -> dict[str, Any]:
    """Return the environment that brings our packages to the nodes of a cluster."""
    root = Path(__file__).resolve().parents[2]
    return {"py_modules": [str(root / package) for package in PACKAGES]}


class Worker:
    """A worker inside a Ray actor."""

    async def live(self, orders: Orders) -> None:
        """Serve until the stage is gone."""
        await live(orders)


OPTIONS: dict[str, Any] = {
    "max_restarts": 0,
    "max_task_retries": 0,
    "max_concurrency": CONCURRENCY,
}
RemoteWorker: Any = ray.remote(**OPTIONS)(Worker)


def needs_of(resources: dict[str, float]) -> dict[str, Any]:
    """Return Ray's options for what an actor takes of a node; by default nothing, so that it always fits."""
    rest = dict(resources)
    return {
        "num_cpus": rest.pop("CPU", 0),
        "num_gpus": rest.pop("GPU", 0),
        "memory": int(rest.pop("memory", 0)) or None,
        "resources": rest,
    }


class RayDriver:
    """Creates and kills; `reports` is a file descriptor."""

    def __init__(self, reports: int) -> None:
        self._reports = reports
        self._actors: dict[str, Any] = {}
        self._places: dict[str, str] = {}
        self._shunned: dict[str, float] = {}
        self._watches: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Obey until standard input closes."""
        commands = await _read_commands()
        self._watch_ray()
        self._spawn(self._watch_node())
        self._say(Ready())
        async for line in commands:
            self._obey(line)

    def _obey(self, line: bytes) -> None:
        match read_command(line):
            case Create(orders):
                self._actors[orders.id] = None
                self._spawn(self._host(orders))
            case Kill(worker_id, pid):
                self._kill(worker_id, pid)
            case List():
                self._say(Listing(tuple(self._actors)))

    async def _host(self, orders: Orders) -> None:
        """Keep a worker's handle for as long as it lives, and tell how it ended."""
        reason = "ended"
        try:
            place = await self._place(orders)
            if orders.id in self._actors:
                actor = RemoteWorker.options(scheduling_strategy=place, **needs_of(orders.resources)).remote()
                self._actors[orders.id] = actor
                await actor.live.remote(orders)
        except RayError as error:
            reason = type(error).__name__
        if (handle := self._actors.pop(orders.id, None)) is not None:
            ray.kill(handle, no_restart=True)
            if reason != "ended":
                self._shun(orders.id)
        self._places.pop(orders.id, None)
        self._say(Died(orders.id, reason))

    async def _place(self, orders: Orders) -> Any:
        """Say where a worker shall live: on the node with the fewest of ours, so none takes all along.

        A node on which one died lately may be dead itself. What takes resources is left to Ray, which knows
        where they are free. What takes none it places by lot, whatever the strategy, unless it must go to a
        certain node.
        """
        with contextlib.suppress(Exception):  # whatever it is, the head can't be asked: Ray decides
            if not orders.resources:
                nodes = sorted(node["NodeID"] for node in await _nodes() if node["Alive"])
                crowd, now = Counter(self._places.values()), time.monotonic()
                shunned = {node for node, until in self._shunned.items() if until > now}
                emptiest = min(nodes, key=lambda node: (node in shunned, crowd[node]))
                self._places[orders.id] = emptiest
                return NodeAffinitySchedulingStrategy(emptiest, soft=False)
        return "SPREAD"

    def _shun(self, worker_id: str) -> None:
        if (place := self._places.get(worker_id)) is not None:
            self._shunned[place] = time.monotonic() + SHUN_S

    def _kill(self, worker_id: str, pid: int | None) -> None:
        """End a worker that has not ended by itself."""
        if (actor := self._actors.pop(worker_id, None)) is not None:
            self._shun(worker_id)
            ray.kill(actor, no_restart=True)
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _watch_ray(self) -> None:
        """End this process in the moment one of Ray's own dies; without it nothing here works."""
        loop = asyncio.get_running_loop()
        for process in psutil.Process().children(recursive=True):
            if process.name() in VITAL:
                loop.add_reader(os.pidfd_open(process.pid), os._exit, RAY_LOST)

    async def _watch_node(self) -> None:
        """End this process when Ray says that our node is dead, for its raylet hangs, or says nothing."""
        node_id = ray.get_runtime_context().get_node_id()
        with contextlib.suppress(Exception):  # whatever it is, the head can't be asked
            while await _lives(node_id):  # noqa: ASYNC110 - Ray sends no event
                await asyncio.sleep(CHECK_S)
        os._exit(RAY_LOST)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)

    def _say(self, report: Report) -> None:
        try:
            os.write(self._reports, to_line(report))
        except BrokenPipeError:
            return


async def _lives(node_id: str) -> bool:
    return any(node["NodeID"] == node_id and node["Alive"] for node in await _nodes())


async def _nodes() -> list[dict[str, Any]]:
    """Return what Ray's head knows of its nodes, dead ones as well."""
    async with asyncio.timeout(ANSWER_S):
        nodes: list[dict[str, Any]] = await asyncio.to_thread(ray.nodes)
    return nodes


async def _read_commands() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer
    )
    return reader


def start_ray(address: str) -> None:
    """Start Ray here, or join a cluster. Every choice that Ray would make by itself is made for it.

    Args:
        address: `local`, or that of a cluster's head.
    """
    if address != "local":
        ray.init(
            address, namespace=f"troupe-{os.getpid()}", log_to_driver=False, runtime_env=code_for_nodes()
        )
        return
    ray.init(
        "local",
        namespace=f"troupe-{os.getpid()}",
        include_dashboard=False,
        num_cpus=max(os.cpu_count() or 1, 2),
        object_store_memory=STORE_BYTES,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        _temp_dir=tempfile.gettempdir(),
    )
    helpers = [process for process in psutil.Process().children() if _is_dispensable(process)]
    for process in helpers:
        process.kill()
    psutil.wait_procs(helpers, timeout=STOP_S)


def _is_dispensable(process: psutil.Process) -> bool:
    return any(part.endswith(name) for part in process.cmdline() for name in DISPENSABLE)


def main() -> None:
    """Start Ray, then obey; whatever else is printed goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m actors.workers.ray_driver")
    parser.add_argument("--address", default="local")
    options = parser.parse_args()
    reports = os.dup(1)
    os.dup2(2, 1)
    start_ray(options.address)
    try:
        asyncio.run(RayDriver(reports).run())
    finally:
        signal.alarm(STOP_S)
        ray.shutdown()
        shutil.rmtree(tempfile.gettempdir(), ignore_errors=True)


if __name__ == "__main__":
    main()
