import asyncio
from collections.abc import AsyncIterator

import discord
import pytest
import yarl
from playwright.async_api import Page

from sandbox.people import Person
from sandbox.server import Address, Sandbox
from sandbox.world import World
from tests.browser_fixtures import OpenPage, browser, chromium_path, open_page
from tests.sandbox_page.scripted_bot import ScriptedBot

__all__ = ("browser", "chromium_path", "open_page")


class House:
    """A running sandbox with its page."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.box = Sandbox(world)
        self.address: Address

    @property
    def stage(self) -> int:
        return self.world.channel("stage")

    def person(self, index: int) -> Person:
        return Person(self.world, self.world.people[index])

    def speak_as(self, name: str, text: str) -> tuple[int, int]:
        """Let a character speak by a webhook; returns the ids of channel and message."""
        state = self.world.state
        webhook = next(iter(state.webhooks.values()), None)
        webhook = webhook or state.create_webhook(self.stage, "Troupe", self.world.bot_id)
        message = state.create_message(
            self.stage, webhook.webhook_user_id, text, webhook_id=webhook.id, author_name=name
        )
        return message.channel_id, message.id

    def edit(self, ids: tuple[int, int], text: str) -> None:
        self.world.state.edit_message(*ids, {"content": text})


@pytest.fixture
async def house() -> AsyncIterator[House]:
    built = House(World.fresh())
    built.address = await built.box.start()
    yield built
    await built.box.stop()
    assert built.world.gaps == []


@pytest.fixture
async def bot(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedBot]:
    """A scripted bot, connected."""
    monkeypatch.setattr(discord.http.Route, "BASE", house.address.api)
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(house.address.gateway))
    client = ScriptedBot()
    running = asyncio.create_task(client.start(house.address.token))
    await asyncio.wait_for(client.is_set.wait(), 10)
    yield client
    await client.close()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def page(house: House, open_page: OpenPage) -> Page:
    """The page of the first person, at 1280 by 800."""
    opened = await open_page(house.address.url)
    await opened.get_by_test_id("composer-input").wait_for()
    return opened
