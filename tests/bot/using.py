"""People who use the bot's commands, and what they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from bot import commands
from bot.client import TroupeClient
from bot.commands.services import Services
from sandbox.interactions import complete, press, run_command, submit_modal
from sandbox.people import Person
from storage.database import Database
from storage.records import Message, Personality, Venue
from tests.bot.here import Discord, Listener, eventually


@dataclass
class Told:
    """What the commands told the rest of the bot."""

    rosters: list[Venue] = field(default_factory=list)
    personalities: list[UUID] = field(default_factory=list)
    arrived: list[tuple[Personality, Message]] = field(default_factory=list)
    fails: bool = False

    def note_arrival(self, person: Personality, invitation: Message) -> None:
        if self.fails:
            raise RuntimeError
        self.arrived.append((person, invitation))


def someone(name: str, **fields: Any) -> Personality:
    """Return a character with a handle like its name."""
    slug = fields.pop("slug", f"{name.lower().replace(' ', '-')}")
    return Personality(id=uuid4(), name=name, slug=slug, **fields)


class Stage:
    """People using the commands of a running bot."""

    def __init__(self, here: Discord, database: Database, services: Services, told: Told) -> None:
        self.here, self.database, self.services, self.told = here, database, services, told
        self.stores = services.stores
        self.ada, self.bjorn = here.ada(), here.bjorn()
        self.channel = here.stage
        self.client: TroupeClient = self._new_client()

    def _new_client(self) -> TroupeClient:
        return TroupeClient(Listener(), lambda client: commands.register(client.tree, self.services))

    async def start(self) -> None:
        await self.here.connect(self.client, until_ready=False)

    async def restart(self) -> None:
        """Replace the client, as a new process would."""
        await self.here.disconnect(self.client)
        self.client = self._new_client()
        await self.start()

    async def write(self, name: str, owner: Person | None = None, **fields: Any) -> Personality:
        """Put a character into the database."""
        person = someone(name, owner_id=(owner or self.ada).id, **fields)
        await self.stores.personalities.create(person)
        return person

    async def use(
        self, who: Person, command: str, options: dict[str, Any] | None = None, *, channel: int | None = None
    ) -> "Answer":
        """Use a command, as `use(ada, "character view", {...})`."""
        return Answer(self, who, await run_command(who, channel or self.channel, command.split(), options))

    async def eventually_private(self, answer: "Answer", words: str) -> None:
        """Wait for a further private message in the channel of `answer`."""
        await eventually(lambda: words in answer.newest_private())

    async def take_the_database_away(self) -> None:
        """Refuse every query from now on, as after the end of the server."""
        await self.database.close()

    async def let_a_day_pass_since_deletion_of(self, person: Personality) -> None:
        async with self.database.connection() as connection:
            sql = "update personalities set deleted_at = deleted_at - interval '25 hours' where id = $1"
            await connection.execute(sql, person.id)

    async def suggestions(self, who: Person, command: str, option: str, typed: str) -> list[str]:
        answer = await complete(who, self.channel, command.split(), {option: typed}, option)
        return [choice["name"] for choice in answer["choices"]]


class Answer:
    """What the bot showed after one interaction; components and fields are named by their label."""

    def __init__(self, stage: Stage, who: Person, payload: dict[str, Any]) -> None:
        self.stage, self.who, self.payload = stage, who, payload

    @property
    def kind(self) -> str | None:
        kind: str | None = self.payload["kind"]
        return kind

    @property
    def is_private(self) -> bool:
        return bool(self.payload["ephemeral"])

    @property
    def message(self) -> dict[str, Any]:
        """The message as its reader sees it now."""
        state = self.stage.here.world.state
        found = state.get_message(int(self.payload["channel_id"]), int(self.payload["message_id"]))
        return state.message_payload(found)

    @property
    def text(self) -> str:
        """All words of the message, those of its embeds too."""
        message = self.message
        parts = [message["content"]]
        for embed in message["embeds"]:
            parts += [embed.get("title", ""), embed.get("description", "")]
            parts += [f"{each['name']}: {each['value']}" for each in embed.get("fields", [])]
            parts.append(embed.get("footer", {}).get("text", ""))
        return "\n".join(part for part in parts if part)

    async def settled(self) -> "Answer":
        """Wait for the words of an answer that was put off."""
        await eventually(lambda: self.payload["message_id"] is not None and self.text)
        return self

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        """The inputs of the form that was shown, by label."""
        return {each["label"]: each for each in _leaves(self.payload["modal"]["components"])}

    async def fill(self, **values: str) -> "Answer":
        """Send the form; what is not given stays as it was filled. Labels are given with underscores."""
        labels = {label.replace(" ", "_").lower(): each for label, each in self.fields.items()}
        written = {each["custom_id"]: each.get("value") or "" for each in labels.values()}
        written |= {labels[label]["custom_id"]: value for label, value in values.items()}
        answer = await submit_modal(self.who, int(self.payload["id"]), written)
        return Answer(self.stage, self.who, answer)

    @property
    def buttons(self) -> dict[str, dict[str, Any]]:
        """The buttons and menus under the message, by label or placeholder."""
        found = _leaves(self.message["components"])
        return {each.get("label") or each.get("placeholder") or "": each for each in found}

    async def press(self, label: str, values: Sequence[str] | None = None) -> "Answer":
        """Press a button, or choose in a menu."""
        custom_id = self.buttons[label]["custom_id"]
        message_id = int(self.payload["message_id"])
        channel_id = int(self.payload["channel_id"])
        answer = await press(self.who, channel_id, message_id, custom_id, values)
        return Answer(self.stage, self.who, answer)

    def newest_private(self) -> str:
        """The newest message that only one person sees in this channel."""
        stored = self.stage.here.world.state.messages[int(self.payload["channel_id"])].values()
        private = sorted((each.id, each.content) for each in stored if each.is_ephemeral)
        return private[-1][1] if private else ""


def _leaves(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for each in components:
        inner = each.get("components") or ([each["component"]] if "component" in each else [])
        found += _leaves(inner) if inner else [each]
    return found
