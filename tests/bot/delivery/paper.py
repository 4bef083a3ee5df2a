"""A mouth and a ledger on paper: what a stream wants is written down, and may be told to fail."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from typing_extensions import override

from actors.reply.chunks import LIMIT
from actors.reply.outlet import DeliveryError
from bot.delivery.calls import Ticket
from bot.delivery.mouths import Mouth, Shown
from bot.delivery.rest import Text

FIRST_ID = 1000


class PaperMouth(Mouth):
    """Writes down (time, action, message, text).

    Attributes:
        said: what was done.
        fails: errors for the next actions, by action.
        way_s: seconds that every action takes.
        lost: so many requests are lost on their way and sent again.
        held: seconds that a request waits in line before its text is asked for.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.said: list[tuple[float, str, int, str]] = []
        self.tickets: list[Ticket] = []
        self.fails: dict[str, list[DeliveryError]] = {}
        self.way_s = 0.01
        self.held: Callable[[Ticket], float] = lambda _: 0.0
        self.readied = 0
        self.lost = 0
        self._next_id = FIRST_ID

    @property
    def acts(self) -> list[str]:
        return [act for _, act, _, _ in self.said]

    @property
    def visible(self) -> list[str]:
        """What a reader sees at the end, in order."""
        texts: dict[int, str] = {}
        for _, act, message_id, text in self.said:
            texts[message_id] = text
            if act == "remove":
                del texts[message_id]
        return [texts[message_id] for message_id in sorted(texts)]

    @override
    async def ready(self) -> int:
        self.readied += 1
        if errors := self.fails.get("ready"):
            raise errors.pop(0)
        return 77

    @override
    async def post(self, text: Text, nonce: str, after: int, ticket: Ticket) -> Shown:
        said = await self._send("post", text, ticket)
        self._next_id += 1
        self._write("post", self._next_id, said)
        return Shown(self._next_id, said)

    @override
    async def change(self, shown: Shown, text: Text, ticket: Ticket) -> None:
        self._write("edit", shown.message_id, await self._send("edit", text, ticket))

    @override
    async def remove(self, shown: Shown, ticket: Ticket) -> None:
        self._write("remove", shown.message_id, await self._send("remove", lambda: "", ticket))

    async def _send(self, act: str, text: Text, ticket: Ticket) -> str:
        self.tickets.append(ticket)
        while (left := self.held(ticket)) > 0:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(min(left, 0.01))
        said = text()
        await asyncio.sleep(self.way_s)
        while self.lost:
            self.lost -= 1
            said = text()
        if errors := self.fails.get(act):
            raise errors.pop(0)
        return said

    def _write(self, act: str, message_id: int, text: str) -> None:
        self.said.append((round(asyncio.get_running_loop().time(), 2), act, message_id, text))


class PaperLedger:
    """Writes down (step, position, value); may be slow or away."""

    def __init__(self) -> None:
        self.written: list[tuple[str, int, object]] = []
        self.slow_s = 0.0
        self.error: Exception | None = None

    def steps(self, *steps: str) -> list[tuple[str, int, object]]:
        return [line for line in self.written if line[0] in steps]

    async def _write(self, step: str, position: int, value: object) -> bool:
        await asyncio.sleep(self.slow_s)
        if self.error is not None:
            raise self.error
        self.written.append((step, position, value))
        return True

    async def plan(self, turn_id: UUID, position: int, text: str = "") -> bool:  # noqa: ARG002 - one turn
        return await self._write("plan", position, text)

    async def posting(self, turn_id: UUID, position: int, webhook_id: int) -> bool:  # noqa: ARG002 - same
        return await self._write("posting", position, webhook_id)

    async def posted(self, turn_id: UUID, position: int, message_id: int) -> bool:  # noqa: ARG002 - same
        return await self._write("posted", position, message_id)

    async def checkpoint(self, turn_id: UUID, position: int, text: str) -> bool:  # noqa: ARG002 - same
        return await self._write("checkpoint", position, text)

    async def final(self, turn_id: UUID, position: int, text: str) -> bool:  # noqa: ARG002 - same
        return await self._write("final", position, text)

    async def gone(self, turn_id: UUID, position: int) -> bool:  # noqa: ARG002 - same
        return await self._write("gone", position, None)
