"""Which model the owner chose, in a form that can be kept and typed; it never holds a key."""

from typing import Literal, Protocol

import msgspec
from typing_extensions import override

from actors.models.address import without_secrets
from actors.models.errors import BadRequestError
from config.settings import Settings


class ModelChoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model to speak with.

    Attributes:
        kind: the server of `LLM_BASE_URL` with its key, another server without one, the embedded model, or
            for a fallback, the server of the model that it stands in for.
        base_url: of kind `server`.
        model: its name; empty takes the first chat model that the server lists.
    """

    kind: Literal["configured", "server", "embedded", "same"]
    base_url: str = ""
    model: str = ""

    @override
    def __str__(self) -> str:
        """The form that `parse_choice` reads."""
        place = self.base_url if self.kind == "server" else self.kind
        return f"{place}#{self.model}" if self.model else place


class SavedChoice(msgspec.Struct, frozen=True):
    """A switch, and the settings it was made under: a setting that changed since then wins over it."""

    choice: ModelChoice
    settings: str


class ChoiceStore(Protocol):
    """Where the switch is kept."""

    async def load(self) -> SavedChoice | None:
        """Return what was saved last, if anything."""
        ...

    async def save(self, saved: SavedChoice) -> None:
        """Keep it."""
        ...


def parse_choice(text: str) -> ModelChoice:
    """Read `embedded`, `configured`, `configured#MODEL`, `URL` or `URL#MODEL`.

    Raises:
        BadRequestError: it is none of these.
    """
    place, _, model = text.strip().partition("#")
    if place == "embedded" and not model:
        return ModelChoice("embedded")
    if place == "configured":
        return ModelChoice("configured", model=model)
    if place.startswith(("http://", "https://")) and without_secrets(place) == place:
        return ModelChoice("server", place, model)
    raise BadRequestError(f"Not a model: {text!r}; say embedded, configured, URL or URL#MODEL (no key in it)")


def parse_fallbacks(text: str | None) -> tuple[ModelChoice, ...]:
    """Read `LLM_FALLBACKS`: choices and names of models, with commas between them.

    A bare name becomes a choice of kind `same`, which `placed_by` turns into one that can be asked.

    Raises:
        BadRequestError: a choice is none.
    """
    items = [item.strip() for item in (text or "").split(",") if item.strip()]
    return tuple(_parse_fallback(item) for item in items)


def _parse_fallback(item: str) -> ModelChoice:
    place = item.partition("#")[0]
    if place in {"embedded", "configured"} or "://" in place:
        return parse_choice(item)
    return ModelChoice("same", model=item)


def placed_by(first: ModelChoice, fallback: ModelChoice) -> ModelChoice:
    """Return where to ask a fallback: a bare name is on the server of the first choice, if that has one."""
    if fallback.kind != "same":
        return fallback
    kind = "configured" if first.kind == "embedded" else first.kind
    return ModelChoice(kind, first.base_url, fallback.model)


def mark_of(settings: Settings) -> str:
    """Return what a switch depends on: where the settings point, without the key."""
    server = without_secrets(settings.llm_base_url or "-")
    return " ".join((server, settings.llm_model or "-", settings.llm_gguf or "-"))
