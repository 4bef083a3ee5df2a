"""The running bot: every part in the order in which it starts; they stop in the reverse order."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress

import aiohttp

from actors.runtime.memory import stay_calm
from bot import commands, first_night
from bot.endpoints import point_discord_py
from bot.local_discord import LocalDiscord
from bot.oversight import Oversight
from bot.parts import Parts
from bot.postgres import postgres_child
from config.errors import TroupeError
from config.settings import Settings
from storage.embedded import EmbeddedPostgres
from supervision.child import Child
from supervision.errors import SupervisionError
from supervision.policy import Backoff, Policy
from supervision.resource import resource_child
from supervision.supervisor import Supervisor, supervisor_child
from supervision.task import task_child

FIRST_NIGHT_S = 30.0
OPEN_S = 900.0
"""Seconds that opening a part may take; migrating a large database takes minutes."""
STOP_S = 24.0
"""All of an orderly stop, whichever part takes it; orchestrators commonly kill after 30 s."""
DRAIN_S = 5.0
"""Seconds to keep what was heard last; what is not kept by then is fetched at the next start."""
PATIENT = Policy(intensity=10, period_s=300.0, backoff=Backoff(first_s=1.0, cap_s=10.0), must_start=True)
"""Patience with what is ours. Ten restarts are spread over half a minute on average: a disk that is full for
some seconds is outlasted, and a long recovery is a single start. They also fit into the period for certain,
each after at most 10 s and a start that fails within 20 s: what never comes back is given up."""
JOBS = Policy(intensity=10, period_s=60.0)


class App:
    """Builds the parts and connects them; `start` once, `stop` once.

    Every part is a child of one tree, which is the order of their start and, reversed, of their stop.

    Args:
        settings: without a token a local Discord is started and used, and the first night is prepared there.
        connector: used by discord.py and by our webhook requests instead of their own; for tests.

    Attributes:
        settings: once started, with the addresses of the Discord in use.
        parts: what it is made of; not before the start.
    """

    def __init__(self, settings: Settings, *, connector: aiohttp.BaseConnector | None = None) -> None:
        self.settings = settings
        self._connector = connector
        self.is_local = not settings.discord_token
        self._root = Supervisor("stage", policy=PATIENT)
        self.oversight = Oversight(self._root)

    async def start(self) -> None:
        """Start everything; Ray, Discord and the model go on becoming ready in the background.

        Raises:
            TroupeError: a part cannot start; says how to mend it.
        """
        await self._root.start()
        await self._start_servers()
        point_discord_py(self.settings)
        self.parts = parts = Parts(self.settings, self._connector, self.oversight.snapshot)
        await self._open("storage", parts.storage)
        await self._open("workers", parts.workers)
        await self._open("model", parts.voice)
        await self._open("outlet", parts.stage)
        await self._open("channels", parts.channels)
        await self._open("operators", parts.operators)
        await parts.company.recover()
        await self._open("intake", parts.hearing, stop_budget_s=DRAIN_S)
        self._connect(parts)
        if self.is_local:
            await _prepare_first_night(parts)
        self._root.add(task_child("memory", lambda: stay_calm(self._nobody_speaks)))

    async def stop(self) -> None:
        """Stop intake, let turns end, then workers, then storage. Idempotent."""
        if "intake" in self._root:
            self.parts.intake.close()
        await self._root.stop()

    async def wait_failed(self) -> None:
        """Wait until the root of the tree gives up.

        Raises:
            TroupeError: only an operator can mend what it failed of; says how.
            EscalatedError: a part failed again and again.
        """
        error = await self._root.wait_failed()
        origin = error.origin
        raise origin if isinstance(origin, TroupeError) and origin.fatal else error

    @property
    def greeter(self) -> str:
        """The name of a character to try first."""
        starters = self.parts.starters
        return starters[0].name if starters else "Name"

    @property
    def model_words(self) -> str:
        """One line for the terminal on which model speaks."""
        return commands.model_line(self.parts.model.describe())

    async def _start_servers(self) -> None:
        """Start what runs as a process of its own and is not given: Discord and Postgres."""
        if self.is_local:
            local = LocalDiscord(self.settings)
            await self._begin(local.child())
            self.settings = local.settings
        if not self.settings.database_url:
            await self._begin(postgres_child(EmbeddedPostgres.of(self.settings)))

    async def _open(
        self,
        name: str,
        part: Callable[[], AbstractAsyncContextManager[object]],
        stop_budget_s: float = STOP_S,
    ) -> None:
        await self._begin(resource_child(name, part, start_timeout_s=OPEN_S, stop_budget_s=stop_budget_s))

    async def _begin(self, child: Child) -> None:
        """Add a part to the tree and wait until it is up; raises what it could not start of."""
        with suppress(SupervisionError):
            await self._root.begin(child)
            return
        raise (await self._root.wait_failed()).origin

    def _nobody_speaks(self) -> bool:
        return not self.parts.company.turns_in_flight

    def _connect(self, parts: Parts) -> None:
        """Start what runs by itself."""
        jobs = [task_child("recovery", parts.company.watch), task_child("readiness", parts.readiness.watch)]
        self._root.add(task_child("claim", parts.tenure.lost))
        self._root.add(supervisor_child("jobs", lambda: Supervisor("jobs", jobs, JOBS)))
        self._root.add(parts.gateway.child())


async def _prepare_first_night(parts: Parts) -> None:
    async with asyncio.timeout(FIRST_NIGHT_S):
        await parts.intake.ready.wait()
        if (client := parts.gateway.client) is not None:
            await first_night.prepare(
                client, parts.stores, parts.company, parts.starters, parts.model.describe()
            )
