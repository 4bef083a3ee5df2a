"""The parts of the bot: how each is opened and closed, and what it gives to those that come after it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp

from actors.channel.company import Company
from actors.models.active import ActiveModel
from actors.models.choice import ModelChoice, parse_choice
from actors.models.openai import new_session
from actors.models.settling import ModelInUse
from actors.workers.service import LlmService
from bot import commands
from bot.client import TroupeClient
from bot.delivery.limits import Limits
from bot.delivery.line import Line
from bot.delivery.outlet import DiscordOutlet, Surroundings
from bot.delivery.rest import WebhookRest
from bot.delivery.voice import ClientVoice
from bot.faces import PublicFaces
from bot.gateway import Gateway
from bot.intake import Intake
from bot.model_choice import SavedModelChoice
from bot.operators import OperatorServer, control_token
from bot.oversight import StorageView
from bot.own_webhooks import OwnWebhooks
from bot.readiness import Readiness
from bot.starter import company as starters
from config.settings import Settings
from storage.database import Database
from storage.migrate import migrate
from storage.stores import Stores
from storage.tenure import Tenure
from supervision.tree import Node

CLAIM = "stage"
FINISH_S = 8.0
"""Seconds that turns in flight have to end when the bot is stopped."""


class Parts:
    """Opens the parts in the order of the methods; each is closed before those that it was built on.

    Args:
        settings: with a token, and with the addresses of the Discord to use.
        connector: used by discord.py and by our webhook requests instead of their own; for tests.
        tree: gives the live tree, for operators.
    """

    def __init__(
        self, settings: Settings, connector: aiohttp.BaseConnector | None, tree: Callable[[], Node]
    ) -> None:
        self._settings = settings
        self._connector = connector
        self._tree = tree

    @asynccontextmanager
    async def storage(self) -> AsyncGenerator[StorageView, None]:
        """Connect to the database, claim it, bring it to this version, and put the first characters there."""
        async with AsyncExitStack() as stack:
            self.database = await Database.open(self._settings)
            stack.push_async_callback(self.database.close)
            self.tenure = await Tenure.take(self.database, CLAIM)
            stack.push_async_callback(self.tenure.release)
            await migrate(self.database)
            self.stores = Stores(self.database)
            self.starters = await starters.install(self.stores)
            yield StorageView(self.database)

    @asynccontextmanager
    async def workers(self) -> AsyncGenerator[LlmService, None]:
        """Serve chat requests; workers come by and by."""
        self.service = LlmService(self._settings)
        try:
            await self.service.start()
            yield self.service
        finally:
            await self.service.stop()

    @asynccontextmanager
    async def voice(self) -> AsyncGenerator[None, None]:
        """Settle which model speaks."""
        async with new_session() as session:
            saved = SavedModelChoice(self.stores.settings)
            circuits = self.service.guard
            self.model = ActiveModel(self._settings, session, self.service, saved, circuits=circuits)
            use = await self.model.refresh()
            await self.service.use_embedded(use.choice.kind == "embedded")
            yield

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[None, None]:
        """Prepare what speaks on Discord."""
        line = Line(Limits(self._settings.discord_requests_per_s))
        self.own_webhooks = OwnWebhooks(self.stores.webhooks)
        await self.own_webhooks.load()
        self.public_faces = PublicFaces(self._settings)
        self.gateway = Gateway(self._settings, self._make_client)
        async with aiohttp.ClientSession(
            connector=self._connector or aiohttp.TCPConnector(limit=0),
            connector_owner=self._connector is None,
        ) as session:
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
            yield

    @asynccontextmanager
    async def channels(self) -> AsyncGenerator[Company, None]:
        """Let channels and characters live; turns in flight have a while to end."""
        self.company = Company(self.stores, self.service, self.model, self.outlet, self._settings)
        self.company.rates.is_exempt = self._is_owner
        self.intake = Intake(
            self.stores, self.company.tell, self.own_webhooks.__contains__, self._settings.backfill_max_age_s
        )
        try:
            yield self.company
        finally:
            await self.company.stop(FINISH_S)

    @asynccontextmanager
    async def operators(self) -> AsyncGenerator[None, None]:
        """Open the operators' port."""
        self.readiness = Readiness(self.database, self.gateway, self.service, self.model)
        operators = OperatorServer(
            self.readiness.parts,
            self.stores.faces.get,
            self._switch_by_name,
            self._tree,
            control_token(self._settings.data_path),
        )
        self.public_faces.base = await operators.start(self._settings.http)
        try:
            yield
        finally:
            await operators.stop()

    @asynccontextmanager
    async def hearing(self) -> AsyncGenerator[None, None]:
        """Take in what the client hears; at the end wait until it is kept."""
        try:
            yield
        finally:
            self.intake.close()
            await self.intake.drained()

    async def switch_model(self, choice: ModelChoice) -> ModelInUse:
        """Use another model from the next request on.

        Raises:
            ModelError: it cannot be used; nothing changed.
        """
        use = await self.model.switch(choice)
        await self.service.use_embedded(choice.kind == "embedded")
        return use

    async def _switch_by_name(self, name: str) -> str:
        use = await self.switch_model(parse_choice(name))
        return f"{use.name} speaks from now on."

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
        return self._settings.owner_id or self.intake.application_owner_id
