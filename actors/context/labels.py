"""What everyone is called in a prompt: people are kept apart by id, never by name."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from actors.floor.mentions import fold
from storage.records import Message, Personality

LAST_DIGITS = 4


class Labels:
    """Names of characters and authors; a person whose name another bears gets the end of their id with it."""

    def __init__(self, characters: Sequence[Personality], log: Sequence[Message]) -> None:
        cast = {person.id: _one_line(person.name) for person in characters}
        for said in log:
            if said.personality_id is not None:
                cast.setdefault(said.personality_id, _one_line(said.author.name))
        people = {said.author.id: said.author.name for said in log if said.personality_id is None}
        named = Counter(fold(name) for name in (*cast.values(), *people.values()))
        self._cast = cast
        self._people = {
            who: _distinct(_one_line(name), who, shared=named[fold(name)] > 1) for who, name in people.items()
        }

    def of(self, person: Personality) -> str:
        """Return a character's label."""
        return self._cast[person.id]

    def of_author(self, said: Message) -> str:
        """Return the label of who wrote a message of the log."""
        who: UUID | None = said.personality_id
        return self._people[said.author.id] if who is None else self._cast[who]

    @property
    def people(self) -> tuple[str, ...]:
        """The labels of all authors that are no characters, by id."""
        return tuple(self._people[who] for who in sorted(self._people))


def _distinct(name: str, who: int, *, shared: bool) -> str:
    return f"{name} (#{str(who)[-LAST_DIGITS:]})" if shared else name


def _one_line(name: str) -> str:
    """A line break or colon in a name could pass for somebody else's line."""
    return " ".join(name.replace(":", " ").split()) or "someone"
