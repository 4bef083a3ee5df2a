"""The form in which a character is written: four fields, the same for creating and changing."""

import unicodedata
from collections.abc import Awaitable, Callable

import discord
import msgspec
from typing_extensions import override

from bot.commands.failures import AnsweringModal, AnsweringView, CommandRefusedError, explained, whisper
from bot.commands.services import Interaction
from storage.records import Personality

LONGEST_NAME = 80
LONGEST_SLUG = 50
LONGEST_FIELD = 4000
LONGEST_GREETING = 1900
FORM_LIFE_S = 1800.0


class CharacterFields(msgspec.Struct, frozen=True):
    """What the form holds."""

    name: str = ""
    who: str = ""
    speech: str = ""
    first_message: str = ""

    @classmethod
    def of(cls, person: Personality) -> "CharacterFields":
        """The fields of a character that exists."""
        return cls(person.name, person.who, person.speech, person.first_message)


Submitted = Callable[[Interaction, CharacterFields], Awaitable[None]]


class CharacterForm(AnsweringModal):
    """Asks for the four fields and hands them on, trimmed. A failure offers the form again, still filled."""

    def __init__(self, heading: str, submitted: Submitted, current: CharacterFields | None = None) -> None:
        super().__init__(title=heading[:45], timeout=FORM_LIFE_S)
        self._submitted = submitted
        filled = current or CharacterFields()
        self._name = _field("Name", filled.name, LONGEST_NAME, "What people call them", short=True)
        self._who = _field("Who they are", filled.who, LONGEST_FIELD, "A retired pirate who bakes bread …")
        self._speech = _field("How they speak", filled.speech, LONGEST_FIELD, "Short. Says arr when sad.")
        self._first = _field("First message", filled.first_message, LONGEST_GREETING, "Said on arrival")
        self._speech.required = self._first.required = False
        for field in (self._name, self._who, self._speech, self._first):
            self.add_item(field)

    @override
    async def on_submit(self, interaction: discord.Interaction[discord.Client]) -> None:
        fields = CharacterFields(
            *(field.value.strip() for field in (self._name, self._who, self._speech, self._first))
        )
        try:
            named = msgspec.structs.replace(fields, name=clean_name(fields.name))
            await self._submitted(interaction, named)
        except Exception as error:  # noqa: BLE001 - whatever it is, what was written must not be lost
            again = FormAgain(self.title, self._submitted, fields)
            await whisper(interaction, explained(interaction, error), view=again)


class FormAgain(AnsweringView):
    """A button that opens the form with everything that was written in it."""

    def __init__(self, heading: str, submitted: Submitted, fields: CharacterFields) -> None:
        super().__init__(timeout=FORM_LIFE_S)
        self._heading, self._submitted, self._fields = heading, submitted, fields

    @discord.ui.button(label="Open the form again", style=discord.ButtonStyle.primary)
    async def reopen(self, interaction: Interaction, _button: discord.ui.Button["FormAgain"]) -> None:
        """Show the form once more."""
        await interaction.response.send_modal(CharacterForm(self._heading, self._submitted, self._fields))


def _field(
    label: str, value: str, longest: int, hint: str, *, short: bool = False
) -> discord.ui.TextInput[CharacterForm]:
    return discord.ui.TextInput(
        label=label,
        style=discord.TextStyle.short if short else discord.TextStyle.paragraph,
        default=value[:longest] or None,
        placeholder=hint,
        max_length=longest,
    )


def clean_name(name: str) -> str:
    """Return the name as it may stand over a message.

    Raises:
        CommandRefusedError: nothing visible is left of it.
    """
    visible = "".join(sign for sign in name if not unicodedata.category(sign).startswith("C"))
    name = " ".join(visible.replace("@", "").split())
    if not name:
        raise CommandRefusedError("A character needs a name that can be seen.")
    return name


def slug_of(name: str) -> str:
    """Return a short ASCII handle for a name; `character` when none of its letters survive."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = "".join(sign if sign.isalnum() else " " for sign in plain).split()
    return "-".join(words)[:LONGEST_SLUG].strip("-") or "character"
