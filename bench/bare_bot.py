"""A bare streaming bot to compare with: one process, discord.py, aiohttp, no actors, no workers, no database.

It answers every human message by one streamed completion, posted through one webhook per channel and edited
about once a second, and it leaves every limit to discord.py. Settings come from the environment:
`DISCORD_API_URL`, `DISCORD_GATEWAY_URL`, `DISCORD_TOKEN`, `LLM_BASE_URL`.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator

import aiohttp
import discord
import uvloop

from bot.endpoints import point_discord_py
from config.settings import load_settings

EDIT_INTERVAL_S = 1.0
LONGEST = 2000


class BareBot(discord.Client):
    """Streams one reply per message."""

    def __init__(self) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.messages = intents.message_content = True
        super().__init__(intents=intents, max_messages=None, guild_ready_timeout=0.5)
        self._webhooks: dict[int, discord.Webhook] = {}
        self._session: aiohttp.ClientSession | None = None

    async def on_message(self, message: discord.Message) -> None:
        """Answer a person."""
        if message.author.bot or not isinstance(message.channel, discord.TextChannel):
            return
        webhook = await self._webhook(message.channel)
        shown: discord.WebhookMessage | None = None
        text, edited_at = "", 0.0
        async for token in self._tokens(message.content):
            text += token
            if shown is None:
                shown = await webhook.send(text, username="Bare", wait=True)
                edited_at = time.monotonic()
            elif time.monotonic() - edited_at >= EDIT_INTERVAL_S:
                edited_at = time.monotonic()
                await shown.edit(content=text[:LONGEST])
        if shown is not None:
            await shown.edit(content=text[:LONGEST])

    async def _webhook(self, channel: discord.TextChannel) -> discord.Webhook:
        if channel.id not in self._webhooks:
            self._webhooks[channel.id] = await channel.create_webhook(name="Bare")
        return self._webhooks[channel.id]

    async def _tokens(self, prompt: str) -> AsyncIterator[str]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=180))
        body = {"model": "scripted", "stream": True, "messages": [{"role": "user", "content": prompt}]}
        async with self._session.post(f"{os.environ['LLM_BASE_URL']}/chat/completions", json=body) as answer:
            async for line in answer.content:
                if line.startswith(b"data: {"):
                    for choice in json.loads(line[6:]).get("choices", ()):
                        if token := choice.get("delta", {}).get("content"):
                            yield token


async def main() -> None:
    """Run until killed."""
    settings = load_settings()
    point_discord_py(settings)
    async with BareBot() as bot:
        await bot.start(settings.discord_token or "")


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main())
