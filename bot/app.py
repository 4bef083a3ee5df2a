"""The running bot: every part in the order in which it starts; they stop in the reverse order."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp

from actors.channel.company import Company
from actors.models.active import ActiveModel
from actors.models.choice import ModelChoice, parse_choice
from actors.models.openai import new_session
from actors.models.settling import ModelInUse
from actors.runtime.memory import calm_garbage_collector
from actors.workers.service import LlmService
from bot import commands, first_night
from bot.client import TroupeClient
from bot.delivery.limits import Limits
from bot.delivery.line import Line
from bot.delivery.outlet import DiscordOutlet, Surroundings
from bot.delivery.rest import WebhookRest
from bot.delivery.voice import ClientVoice
from bot.endpoints import point_discord_py
from bot.faces import PublicFaces
from bot.gateway import Gateway
from bot.intake import Intake
from bot.model_choice import SavedModelChoice
from bot.operators import OperatorServer, control_token
from bot.oversight import Oversight
from bot.own_webhooks import OwnWebhooks
from bot.readiness import Readiness
from bot.starter import company as starters
from config.errors import TroupeError
from config.settings import Settings
from storage.database import Database
from storage.migrate import migrate
from storage.stores import Stores
from storage.tenure import Tenure
from supervision.child import Vitals
from supervision.errors import EscalatedError
from supervision.policy import Policy
from supervision.supervisor import Supervisor, supervisor_child
from supervision.task import task_child
from supervision.tree import Node

CLAIM = "stage"
FINISH_S = 8.0
"""Seconds that turns in flight have to end when the bot is stopped."""
FIRST_NIGHT_S = 30.0
DISCONNECT_S = 8.0
PATIENT = Policy(intensity=10, period_s=60.0)
"""Ten failures of parts within a minute are more than restarts can mend."""


class App:
    """Builds the parts and connects them; `start` once, `stop` once.

    Args:
        settings: with a token, and with the addresses of the Discord to use.
        connector: used by discord.py and by our webhook requests instead of their own; for tests.
        ours: the Discord is our local one: the first night is prepared in its #stage.
    """

    def __init__(
        self, settings: Settings, *, connector: aiohttp.BaseConnector | None = None, ours: bool = False
    ) -> None:
        self._settings = settings
        self._connector = connector
        self._ours = ours
        self._stack = AsyncExitStack()
        self._root: Supervisor | None = None

    async def start(self) -> None:
        """Start everything; Ray, Discord and the model go on becoming ready in the background.

        Raises:
            TroupeError: a part cannot start; says how to mend it.
        """
        settings = self._settings
        point_discord_py(settings)
        self.database = await self._opened_database()
        self.stores = Stores(self.database)
        self.starters = await starters.install(self.stores)
        self.service = LlmService(settings)
        await self.service.start()
        self._stack.push_async_callback(self.service.stop)
        await self._settle_model()
        await self._open_outlet()
        self.company = Company(self.stores, self.service, self.model, self.outlet, settings)
        self.company.rates.is_exempt = self._is_owner
        self._stack.push_async_callback(self.company.stop, FINISH_S)
        await self._open_operators()
        await self.company.recover()
        await self._connect()
        if self._ours:
            await self._prepare_first_night()
        calm_garbage_collector()

    async def stop(self) -> None:
        """Stop intake, let turns end, then workers, then storage. Idempotent."""
        if self._root is not None:
            self.intake.close()
        await self._stack.aclose()

    async def wait_failed(self) -> None:
        """Wait until the root of the tree gives up.

        Raises:
            TroupeError: only an operator can mend what it failed of; says how.
            EscalatedError: a part failed again and again.
        """
        assert self._root is not None  # noqa: S101 - started
        error = await self._root.wait_failed()
        cause: BaseException | None = error
        while isinstance(cause, EscalatedError) and cause.__cause__ is not None:
            cause = cause.__cause__
        raise cause if isinstance(cause, TroupeError) and cause.fatal else error

    @property
    def greeter(self) -> str:
        """The name of a character to try first."""
        return self.starters[0].name if self.starters else "Name"

    @property
    def model_words(self) -> str:
        """One line for the terminal on which model speaks."""
        return commands.model_line(self.model.describe())

    async def switch_model(self, choice: ModelChoice) -> ModelInUse:
        """Use another model from the next request on.

        Raises:
            ModelError: it cannot be used; nothing changed.
        """
        use = await self.model.switch(choice)
        await self.service.use_embedded(choice.kind == "embedded")
        return use

    async def _opened_database(self) -> Database:
        database = await Database.open(self._settings)
        self._stack.push_async_callback(database.close)
        self._tenure = await Tenure.take(database, CLAIM)
        self._stack.push_async_callback(self._tenure.release)
        await migrate(database)
        return database

    async def _settle_model(self) -> None:
        session = await self._stack.enter_async_context(new_session())
        self.model = ActiveModel(
            self._settings,
            session,
            self.service,
            SavedModelChoice(self.stores.settings),
            circuits=self.service.guard,
        )
        use = await self.model.refresh()
        await self.service.use_embedded(use.choice.kind == "embedded")

    async def _open_outlet(self) -> None:
        session = aiohttp.ClientSession(
            connector=self._connector or aiohttp.TCPConnector(limit=0),
            connector_owner=self._connector is None,
        )
        await self._stack.enter_async_context(session)
        line = Line(Limits(self._settings.discord_requests_per_s))
        self.own_webhooks = OwnWebhooks(self.stores.webhooks)
        await self.own_webhooks.load()
        self.public_faces = PublicFaces(self._settings)
        self.gateway = Gateway(self._settings, self._make_client)
        self.outlet = DiscordOutlet(
            Surroundings(
                rest=WebhookRest(session, self._settings.discord_token or "", line),
                voice=ClientVoice(lambda: self.gateway.client),
                deliveries=self.stores.deliveries,
                webhooks=self.own_webhooks,
                faces=self.stores.faces,
                personality=self.stores.personalities.get,
                public_face=self.public_faces.of,
                application_id=lambda: self.gateway.application_id,
            )
        )

    async def _open_operators(self) -> None:
        self.oversight = Oversight(
            self._storage_node, self.service.snapshot, self.company.snapshot, self._tree
        )
        self.readiness = Readiness(self.database, self.gateway, self.service, self.model)
        operators = OperatorServer(
            self.readiness.parts,
            self.stores.faces.get,
            self._switch_by_name,
            self.oversight.snapshot,
            control_token(self._settings.data_path),
        )
        self.public_faces.base = await operators.start(self._settings.http)
        self._stack.push_async_callback(operators.stop)

    async def _switch_by_name(self, name: str) -> str:
        use = await self.switch_model(parse_choice(name))
        return f"{use.name} speaks from now on."

    async def _connect(self) -> None:
        self.intake = Intake(
            self.stores, self.company.tell, self.own_webhooks.__contains__, self._settings.backfill_max_age_s
        )
        self._stack.push_async_callback(self.intake.drained)
        jobs = [task_child("recovery", self.company.watch), task_child("readiness", self.readiness.watch)]
        children = [
            task_child("claim", self._tenure.lost),
            supervisor_child("jobs", lambda: Supervisor("jobs", jobs, PATIENT)),
            task_child("discord", self.gateway.run, vitals=self._discord_vitals, stop_budget_s=DISCONNECT_S),
        ]
        self._root = await Supervisor("stage", children, PATIENT).start(wait=False)
        self._stack.push_async_callback(self._root.stop)

    def _tree(self) -> Node | None:
        return self._root.snapshot() if self._root is not None else None

    def _storage_node(self) -> Node:
        is_up = self.readiness.has_storage
        return Node(name="storage", state="up" if is_up else "down")

    def _discord_vitals(self) -> Vitals:
        connected = "connected" if self.gateway.is_ready else "connecting"
        return Vitals(work=f"{connected}, incarnation {self.gateway.incarnations}")

    async def _prepare_first_night(self) -> None:
        async with asyncio.timeout(FIRST_NIGHT_S):
            await self.intake.ready.wait()
            if self.gateway.client is not None:
                await first_night.prepare(
                    self.gateway.client, self.stores, self.company, self.starters, self.model.describe()
                )

    def _make_client(self) -> TroupeClient:
        return TroupeClient(self.intake, self._register, self._connector)

    def _register(self, client: TroupeClient) -> None:
        commands.register(client.tree, self._services())

    def _services(self) -> commands.Services:
        return commands.Services(
            stores=self.stores,
            model=self.model,
            switch_model=self.switch_model,
            roster_changed=lambda venue: self.company.roster_changed(venue.channel_id),
            personality_changed=self.company.personality_changed,
            arrived=self.company.greet,
            owner_id=self._owner_id,
        )

    def _is_owner(self, user_id: int) -> bool:
        return user_id == self._owner_id()

    def _owner_id(self) -> int | None:
        """Return who runs this bot, as soon as Discord has told."""
        told = self.intake.application_owner_id if self._root is not None else None
        return self._settings.owner_id or told
