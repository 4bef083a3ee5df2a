"""A person at the local Discord, over the socket of its page."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

PATIENCE_S = 30.0
Condition = Callable[["Seen"], bool]


class Seen(msgspec.Struct):
    """A message as this person has seen it: `texts` are its states, oldest first."""

    id: int
    author: str
    texts: list[str]
    channel_id: int = 0
    avatar: str | None = None
    reply_to: int | None = None

    @property
    def text(self) -> str:
        return self.texts[-1]


class Visitor:
    """Speaks, uses commands, and watches; use `visit`.

    Attributes:
        channel: the name of the channel that this person is in.
        channels: ids by name.
        messages: everything seen, by id.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._changed = asyncio.Condition()
        self.channel = "stage"
        self.channels: dict[str, int] = {}
        self.messages: dict[int, Seen] = {}

    async def listen(self) -> None:
        """Take in what the page is told, until the socket closes."""
        async for frame in self._socket:
            await self._take(msgspec.json.decode(frame.data))

    @property
    def _here(self) -> str:
        return str(self.channels[self.channel])

    async def say(self, text: str, reply_to: int | None = None) -> int:
        """Send a message and return its id."""
        extra = {} if reply_to is None else {"reply_to": str(reply_to)}
        return int(await self.ask("send", channel_id=self._here, content=text, **extra))

    async def use(self, command: str, **options: Any) -> dict[str, Any]:
        """Use a slash command, as `use("channel add-personality", personality="Hush")`."""
        answer: dict[str, Any] = await self.ask(
            "command", channel_id=self._here, path=command.split(), options=options
        )
        return answer

    async def fill(self, form: dict[str, Any], **values: str) -> None:
        """Send a form that a command showed; labels are given in lower case with underscores."""
        fields = {_label(each): _control(each)["custom_id"] for each in form["modal"]["components"]}
        filled = {custom_id: values.get(label, "") for label, custom_id in fields.items()}
        await self.ask("modal", interaction_id=form["id"], values=filled)

    async def sees(self, condition: Condition, within_s: float = PATIENCE_S) -> Seen:
        """Wait until a message fulfils a condition and return it."""

        def find() -> Seen | None:
            return next(filter(condition, self.messages.values()), None)

        try:
            async with asyncio.timeout(within_s), self._changed:
                await self._changed.wait_for(find)
        except TimeoutError:
            raise AssertionError(f"Seen only: {list(self.messages.values())[-4:]}") from None
        found = find()
        assert found is not None
        return found

    async def hears(self, name: str, words: str, after: int = 0, within_s: float = PATIENCE_S) -> Seen:
        """Wait for a message of this name, after that message, that has these words."""
        return await self.sees(lambda m: m.id > after and m.author == name and words in m.text, within_s)

    async def ask(self, op: str, **fields: Any) -> Any:
        """Send one request of the page and return the answer."""
        number = next(self._numbers)
        waiting = self._replies[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"op": op, "id": number, **fields})
        async with asyncio.timeout(PATIENCE_S):
            reply = await waiting
        assert not reply.get("error"), reply
        return reply.get("data")

    async def _take(self, event: dict[str, Any]) -> None:
        match event["t"]:
            case "reply":
                self._replies.pop(event["id"]).set_result(event)
            case "snapshot":
                self.channels = {each["name"]: int(each["id"]) for each in event["channels"]}
            case "message_create" | "message_update":
                self._note(event["message"])
            case _:
                pass
        async with self._changed:
            self._changed.notify_all()

    def _note(self, message: dict[str, Any]) -> None:
        author: dict[str, Any] = message["author"]
        reference: dict[str, Any] = message.get("message_reference") or {}
        seen = self.messages.setdefault(
            int(message["id"]),
            Seen(
                id=int(message["id"]),
                author=author.get("global_name") or author["username"],
                texts=[],
                channel_id=int(message["channel_id"]),
                avatar=author.get("avatar"),
                reply_to=int(reference["message_id"]) if reference.get("message_id") else None,
            ),
        )
        seen.texts.append(message["content"])


def _label(component: dict[str, Any]) -> str:
    label = component.get("label") or _control(component).get("label") or ""
    return str(label).lower().replace(" ", "_")


def _control(component: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = component.get("component") or component["components"][0]
    return inner


@asynccontextmanager
async def visit(url: str) -> AsyncGenerator[Visitor, None]:
    """Be the first person of a local Discord for a while."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/ws", headers={"Origin": url}, max_msg_size=0) as socket,
    ):
        visitor = Visitor(socket)
        listening = asyncio.create_task(visitor.listen())
        try:
            await visitor.ask("hello")
            yield visitor
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
