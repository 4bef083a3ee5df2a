"""The bot's client with all commands, in a sandbox Discord, over a real database and a scripted model."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from discord.gateway import DiscordWebSocket
from discord.http import Route

from actors.models.active import ActiveModel
from actors.models.openai import OpenAIChat, new_session
from bot.commands.services import Services
from bot.endpoints import point_discord_py
from bot.model_choice import SavedModelChoice
from config.logs import plain_console
from config.settings import Settings
from sandbox.server import Sandbox
from sandbox.world import World
from storage.database import Database
from storage.stores import Stores
from tests.bot.ears import MAX_AGE_S, Ears
from tests.bot.here import Discord
from tests.bot.using import Stage, Told
from tests.scripted_model import Reply, ScriptedModel


@pytest.fixture
def unpointed() -> Iterator[None]:
    """Put discord.py's addresses back after the test."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    yield
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


@pytest.fixture
async def discord_here(unpointed: None) -> AsyncIterator[Discord]:  # noqa: ARG001 - for what it does
    """A sandbox Discord that discord.py is pointed at; nothing it lacks may be asked of it."""
    box = Sandbox(World.fresh(), page=False)
    here = Discord(box, await box.start())
    point_discord_py(here.settings)
    yield here
    await here.close()
    assert here.world.gaps == []
    assert here.referee.request_complaints == []
    assert here.referee.answer_complaints == []


@pytest.fixture
async def model_server() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(Reply(text="Good evening.")) as server:
        yield server


@pytest.fixture
async def model(stores: Stores, model_server: ScriptedModel) -> AsyncIterator[ActiveModel]:
    """The scripted model as the configured one; no other server is looked for on this machine."""
    settings = Settings(llm_base_url=model_server.base_url)
    async with new_session() as session:
        active = ActiveModel(settings, session, OpenAIChat(session), SavedModelChoice(stores.settings), {})
        await active.refresh()
        yield active


@pytest.fixture
async def stage(discord_here: Discord, database: Database, stores: Stores, model: ActiveModel) -> Stage:
    """A running bot with every command; Ada runs it."""
    told = Told()
    services = Services(
        stores=stores,
        model=model,
        roster_changed=told.rosters.append,
        personality_changed=told.personalities.append,
        switch_model=model.switch,
        arrived=told.note_arrival,
        owner_id=lambda: discord_here.address.owner_id,
    )
    company = Stage(discord_here, database, services, told)
    await company.start()
    return company


@pytest.fixture
def ears(discord_here: Discord, stores: Stores) -> Ears:
    return Ears(discord_here, stores, set(), MAX_AGE_S)


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Write events as a configured program does: without the slow tracebacks of structlog's default."""
    structlog.configure(processors=[structlog.stdlib.add_log_level, plain_console()])


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """Put logging back as it was after a command has set it up."""
    root = logging.getLogger()
    handlers, level, configuration = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configuration)
