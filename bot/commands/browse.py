"""A list of characters that is turned page by page."""

import discord

from bot.commands.failures import AnsweringView, whisper
from bot.commands.services import Interaction, Services
from storage.records import Personality

PAGE = 10
LONGEST_LINE = 90


class Browser(AnsweringView):
    """Pages through what one person may see; works for a quarter of an hour."""

    def __init__(self, services: Services, viewer_id: int, query: str) -> None:
        super().__init__(timeout=900)
        self._services, self._viewer_id, self._query = services, viewer_id, query.strip()
        self._page = 0

    async def show(self, interaction: Interaction) -> None:
        """Answer with the first page."""
        await whisper(interaction, embed=await self._turn_to(0), view=self)

    @discord.ui.button(label="◀ Back")
    async def back(self, interaction: Interaction, _button: discord.ui.Button["Browser"]) -> None:
        """Turn one page back."""
        await interaction.response.edit_message(embed=await self._turn_to(self._page - 1), view=self)

    @discord.ui.button(label="More ▶")
    async def more(self, interaction: Interaction, _button: discord.ui.Button["Browser"]) -> None:
        """Turn one page on."""
        await interaction.response.edit_message(embed=await self._turn_to(self._page + 1), view=self)

    async def _turn_to(self, page: int) -> discord.Embed:
        self._page = max(0, page)
        people = await self._services.stores.personalities.visible(
            self._viewer_id, self._query, PAGE + 1, self._page * PAGE
        )
        self.back.disabled = self._page == 0
        self.more.disabled = len(people) <= PAGE
        return _list(people[:PAGE], self._query)


def _list(people: list[Personality], query: str) -> discord.Embed:
    title = f"Characters with “{query}”"[:256] if query else "Characters"
    lines = [f"**{person.name}** — {_line(person)}" for person in people]
    nobody = "Nobody. `/character create` writes somebody."
    return discord.Embed(title=title, description="\n".join(lines) or nobody)


def _line(person: Personality) -> str:
    text = " ".join(person.who.split())
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"
