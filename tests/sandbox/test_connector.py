from pathlib import Path

import discord
import pytest

from sandbox.server import Sandbox
from sandbox.world import World
from tests.sandbox.conftest import Running, collect, new_client
from tests.sandbox.tls import DiscordResolver, connector, contexts

pytestmark = pytest.mark.discord


async def test_an_unchanged_client_finds_the_sandbox_under_discords_names(tmp_path: Path) -> None:
    serving, trusting = contexts(tmp_path)
    box = Sandbox(World.fresh(), page=False)
    running = Running(box, await box.start(tls=serving))
    resolver = DiscordResolver(int(running.address.url.rsplit(":", 1)[1]))
    running.box.gateway.url = "wss://gateway.discord.gg/"
    try:
        client = await running.login(new_client(connector=connector(resolver, trusting)))
        heard = collect(client, "message")
        running.ada().send(running.stage, "over TLS")
        message = await heard()
        webhook = await message.channel.create_webhook(name="Company", avatar=b"\x89PNG\r\n\x1a\n")
        assert await webhook.avatar.read() == b"\x89PNG\r\n\x1a\n"
        answer = await webhook.send("likewise", wait=True)
        await answer.edit(content="likewise!")
    finally:
        await running.close()
    assert discord.http.Route.BASE == "https://discord.com/api/v10"
    assert [post.content for post in box.ledger.posts()] == ["over TLS", "likewise"]
    assert resolver.refused == []
