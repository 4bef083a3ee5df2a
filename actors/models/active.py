"""The model in use: which one, why, and how to change it while running."""

import asyncio
import time
from collections.abc import Mapping

import aiohttp
import msgspec

from actors.models.address import without_secrets
from actors.models.chat import ChatModel, Endpoint
from actors.models.choice import ChoiceStore, ModelChoice, SavedChoice, mark_of
from actors.models.discovery import USUAL_PORTS, LocalServer, find_local_servers
from actors.models.embedded import WHEEL_MODEL, find_weights
from actors.models.errors import ModelError, ModelUnavailableError
from actors.models.fallbacks import RECHECK_S, Circuits, Fallbacks, Unguarded
from actors.models.profiles import DEMONSTRATION, PromptProfile
from actors.models.settling import ModelInUse, Settled, Settler
from actors.models.trial import TestReport, try_model
from config.errors import TroupeError
from config.logs import get_logger
from config.settings import Settings

log = get_logger(__name__)


class ModelOption(msgspec.Struct, frozen=True):
    """Something to switch to; `str(choice)` is its short form."""

    choice: ModelChoice
    label: str


class ActiveModel:
    """Decides which model speaks.

    In this order: the owner's switch, `LLM_BASE_URL`, `LLM_GGUF`, a model server that is found on this
    machine, the embedded demonstration model. A found server is used without being chosen because it was
    asked and has a chat model: any real model serves better than the demonstration.

    Args:
        settings: where the operator points.
        session: for asking servers about their models.
        model: answers requests; used by `test`.
        store: keeps the owner's switch.
        ports: where to look for servers on this machine.
        circuits: which models may be asked now.

    Raises:
        BadRequestError: `LLM_FALLBACKS` is not a list of models.
    """

    def __init__(
        self,
        settings: Settings,
        session: aiohttp.ClientSession,
        model: ChatModel,
        store: ChoiceStore,
        ports: Mapping[str, int] = USUAL_PORTS,
        *,
        circuits: Circuits | None = None,
    ) -> None:
        self._settings = settings
        self._session = session
        self._model = model
        self._store = store
        self._ports = ports
        self._circuits: Circuits = circuits or Unguarded()
        self._settler = Settler(settings, session, ports)
        self._fallbacks = Fallbacks(settings, self._settler, self._circuits)
        self._settled: Settled | None = None
        self._changing = asyncio.Lock()
        self._checked_at = -RECHECK_S
        self._rechecking: asyncio.Task[None] | None = None

    @property
    def endpoint(self) -> Endpoint | None:
        """The server to ask, or None for the embedded model.

        Raises:
            ModelError: it is not known which model to ask; looking again has begun.
        """
        settled = self._known()
        if settled.error is not None:
            self.recheck()
        if not settled.can_be_asked:
            raise _again(settled.error)
        return settled.endpoint

    @property
    def profile(self) -> PromptProfile:
        """How the model in use wants to be prompted."""
        return DEMONSTRATION if self._settled is None else self._settled.profile

    def candidates(self) -> tuple[tuple[Endpoint | None, PromptProfile], ...]:
        """Return the models that may speak, best first: the one in use and its fallbacks.

        Raises:
            ModelError: it is not known which model to ask; looking again has begun.
        """
        settled = self._known()
        ordered = self._fallbacks.in_order(settled)
        if settled.error is not None:
            self.recheck()
        if not ordered:
            raise _again(settled.error)
        return tuple((each.endpoint, each.profile) for each in ordered)

    def describe(self) -> ModelInUse:
        """Say which model is in use, why, and what stands in for it.

        Raises:
            ModelUnavailableError: `refresh` was never called.
        """
        settled = self._known()
        ordered = self._fallbacks.in_order(settled)
        return msgspec.structs.replace(
            settled.use,
            fallbacks=tuple(each.use.name or str(each.use.choice) for each in self._fallbacks.known),
            resting_s=self._circuits.wait_s(settled.endpoint),
            speaks_now=ordered[0].use.name if ordered else "",
        )

    async def refresh(self) -> ModelInUse:
        """Decide anew; call it at the start. A server that does not answer is a `problem`, not an error."""
        async with self._changing:
            self._checked_at = time.monotonic()
            saved = await self._store.load()
            choice, reason = await self._decide(saved)
            settling = self._settler.settle(choice, reason)
            settled, _ = await asyncio.gather(settling, self._fallbacks.settle(choice))
            self._settled = settled
        use = settled.use
        log.info("model_settled", kind=use.kind, model=use.name, reason=use.reason, problem=use.problem)
        return use

    def recheck(self) -> None:
        """Decide anew in the background, at most every few seconds; for when a server did not answer."""
        running = self._rechecking is not None and not self._rechecking.done()
        if not running and time.monotonic() - self._checked_at >= RECHECK_S:
            self._rechecking = asyncio.create_task(self._recheck(), name="look again which model to use")

    async def options(self) -> tuple[ModelOption, ...]:
        """Return what one can switch to now; servers on this machine are asked."""
        found = await find_local_servers(self._session, self._ports)
        options = [
            ModelOption(
                ModelChoice("server", server.base_url, model.id), f"{model.id} ({server.provider} here)"
            )
            for server in found
            for model in server.chat_models
        ]
        if self._settings.llm_base_url:
            address = without_secrets(self._settings.llm_base_url)
            options.insert(0, ModelOption(ModelChoice("configured"), f"The configured server ({address})"))
        return (*options, ModelOption(ModelChoice("embedded"), self._embedded_label()))

    async def switch(self, choice: ModelChoice) -> ModelInUse:
        """Use another model from the next request on, also after a restart.

        Raises:
            ModelError: it cannot be used; the model in use stays.
        """
        async with self._changing:
            settled = await self._settler.settle(choice, "chosen by the owner")
            if settled.error is not None:
                raise settled.error
            if settled.endpoint is None:
                await asyncio.to_thread(find_weights, self._settings.llm_gguf)
            await self._store.save(SavedChoice(choice, mark_of(self._settings)))
            self._settled = settled
            await self._fallbacks.settle(choice)
        self._circuits.trust(settled.endpoint)
        log.info("model_switched", kind=settled.use.kind, model=settled.use.name)
        return settled.use

    async def test(self) -> TestReport:
        """Ask the model in use for one sentence. A failure is in the report, not raised."""
        try:
            endpoint = self.endpoint
        except ModelError as error:
            return TestReport(ok=False, problem=str(error))
        return await try_model(self._model, endpoint, self.profile)

    async def test_fallbacks(self) -> tuple[tuple[str, TestReport], ...]:
        """Ask every model that stands in for the one in use for one sentence; returns names and reports."""
        known = [each for each in self._fallbacks.known if each.can_be_asked]
        trials = (try_model(self._model, each.endpoint, each.profile) for each in known)
        reports = await asyncio.gather(*trials)
        return tuple(zip((each.use.name for each in known), reports, strict=True))

    def _known(self) -> Settled:
        if self._settled is None:
            raise ModelUnavailableError("It is not settled yet which model to use")
        return self._settled

    async def _recheck(self) -> None:
        try:
            await self.refresh()
        except TroupeError as error:
            log.warning("model_recheck_failed", error=str(error))

    async def _decide(self, saved: SavedChoice | None) -> tuple[ModelChoice, str]:
        if saved is not None and saved.settings == mark_of(self._settings):
            return saved.choice, "chosen by the owner"
        if self._settings.llm_base_url:
            return ModelChoice("configured"), "LLM_BASE_URL is set"
        if self._settings.llm_gguf:
            return ModelChoice("embedded"), "LLM_GGUF is set"
        for server in await find_local_servers(self._session, self._ports):
            if server.chat_models:
                return _first_of(server), f"found on this machine ({server.provider}'s usual port)"
        return ModelChoice("embedded"), "no other model is configured or found"

    def _embedded_label(self) -> str:
        gguf = self._settings.llm_gguf
        return f"The model file {gguf}" if gguf else f"The built-in demonstration model ({WHEEL_MODEL})"


def _again(error: ModelError | None) -> ModelError:
    """Return a fresh copy of an error that is raised more than once."""
    return ModelUnavailableError() if error is None else type(error)(*error.args)


def _first_of(server: LocalServer) -> ModelChoice:
    return ModelChoice("server", server.base_url, server.chat_models[0].id)
