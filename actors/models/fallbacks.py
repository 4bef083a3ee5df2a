"""Which models stand in for the one in use, and which of them all is asked first."""

import asyncio
import time
from typing import Protocol

from actors.models.chat import Endpoint
from actors.models.choice import ModelChoice, parse_fallbacks, placed_by
from actors.models.settling import Settled, Settler
from config.logs import get_logger
from config.settings import Settings

RECHECK_S = 5.0
"""Between two looks at a server that did not answer."""

log = get_logger(__name__)


class Circuits(Protocol):
    """Which models may be asked now."""

    def wait_s(self, endpoint: Endpoint | None) -> float:
        """Return the seconds until a model may be asked; 0 if it may be now."""
        ...

    def trust(self, endpoint: Endpoint | None) -> None:
        """Ask a model again from now on."""
        ...


class Unguarded:
    """Circuits of models that nobody guards: they may always be asked."""

    def wait_s(self, endpoint: Endpoint | None) -> float:  # noqa: ARG002 - as `Circuits` names it
        """Return 0."""
        return 0.0

    def trust(self, endpoint: Endpoint | None) -> None:
        """Do nothing."""


class Fallbacks:
    """The models of `LLM_FALLBACKS`, in their order.

    Args:
        settings: names them.
        settler: looks them up.
        circuits: which models may be asked now.

    Raises:
        BadRequestError: the setting is not a list of models.
    """

    def __init__(self, settings: Settings, settler: Settler, circuits: Circuits) -> None:
        self._wished = parse_fallbacks(settings.llm_fallbacks)
        self._has_server = bool(settings.llm_base_url)
        self._settler = settler
        self._circuits = circuits
        self._looked_at = -RECHECK_S
        self._looking: asyncio.Task[None] | None = None
        self.known: tuple[Settled, ...] = ()

    async def settle(self, first: ModelChoice) -> None:
        """Look all of them up, now that `first` is the choice that they stand in for."""
        self._looked_at = time.monotonic()
        places = [placed_by(first, wish) for wish in self._wished]
        possible = [place for place in places if place.kind != "configured" or self._has_server]
        if len(possible) < len(places):
            log.warning("fallback_has_no_server", hint="a bare name or `configured` needs LLM_BASE_URL")
        settled = (self._settler.settle(place, "LLM_FALLBACKS names it") for place in possible)
        self.known = tuple(await asyncio.gather(*settled))

    def in_order(self, first: Settled) -> tuple[Settled, ...]:
        """Return all that can be asked: `first`, then the others; those with open circuits come last."""
        found: dict[Endpoint | None, Settled] = {}
        for each in (first, *self.known):
            if each.can_be_asked:
                found.setdefault(each.endpoint, each)
        if not all(each.can_be_asked for each in self.known):
            self._look_again(first.use.choice)
        return tuple(sorted(found.values(), key=lambda each: self._circuits.wait_s(each.endpoint)))

    def _look_again(self, first: ModelChoice) -> None:
        is_looking = self._looking is not None and not self._looking.done()
        if not is_looking and time.monotonic() - self._looked_at >= RECHECK_S:
            self._looking = asyncio.create_task(self.settle(first), name="look again for fallbacks")
