"""The model in use: which one, why, and how to change it while running."""

import asyncio
import time
from collections.abc import Mapping
from typing import Literal

import aiohttp
import msgspec

from actors.models.address import local_provider, provider_of, without_secrets
from actors.models.catalogue import ModelInfo, list_models
from actors.models.chat import ChatModel, Endpoint
from actors.models.choice import ChoiceStore, ModelChoice, SavedChoice, mark_of
from actors.models.discovery import USUAL_PORTS, LocalServer, find_local_servers
from actors.models.embedded import WHEEL_MODEL, find_weights
from actors.models.errors import ModelError, ModelNotFoundError, ModelUnavailableError
from actors.models.profiles import DEMONSTRATION, OWN_GGUF, PromptProfile, server_profile
from actors.models.trial import TestReport, try_model
from config.errors import TroupeError
from config.logs import get_logger
from config.settings import Settings

RECHECK_S = 5.0
"""Between two looks at a server that did not answer."""

WAYS = (
    "Start a model server on this machine (Ollama, LM Studio, llama.cpp, vLLM), then choose it with /model.",
    "Set LLM_GGUF to the path of any GGUF model file and start again.",
    "Set LLM_BASE_URL, LLM_API_KEY and LLM_MODEL (OpenRouter, OpenAI, any compatible server), start again.",
)

log = get_logger(__name__)


class ModelInUse(msgspec.Struct, frozen=True, kw_only=True):
    """What people are told about the model in use.

    Attributes:
        choice: how to choose it again.
        kind: where it comes from.
        name: the model's name; empty while its server has not told.
        reason: why it is this one.
        base_url: of a server, without secrets.
        is_demonstration: it is the small built-in model; `ways` lead to a real one.
        problem: why it cannot be used now.
    """

    choice: ModelChoice
    kind: Literal["configured", "server", "gguf", "built-in"]
    name: str
    reason: str
    base_url: str | None = None
    is_demonstration: bool = False
    problem: str | None = None
    ways: tuple[str, ...] = ()


class ModelOption(msgspec.Struct, frozen=True):
    """Something to switch to; `str(choice)` is its short form."""

    choice: ModelChoice
    label: str


class _Settled(msgspec.Struct, frozen=True):
    use: ModelInUse
    profile: PromptProfile
    endpoint: Endpoint | None = None
    error: ModelError | None = None


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
    """

    def __init__(
        self,
        settings: Settings,
        session: aiohttp.ClientSession,
        model: ChatModel,
        store: ChoiceStore,
        ports: Mapping[str, int] = USUAL_PORTS,
    ) -> None:
        self._settings = settings
        self._session = session
        self._model = model
        self._store = store
        self._ports = ports
        self._settled: _Settled | None = None
        self._changing = asyncio.Lock()
        self._checked_at = -RECHECK_S
        self._rechecking: asyncio.Task[None] | None = None

    @property
    def endpoint(self) -> Endpoint | None:
        """The server to ask, or None for the embedded model.

        Raises:
            ModelError: it is not known which model to ask; looking again has begun.
        """
        settled = self._settled
        if settled is None:
            raise ModelUnavailableError("It is not settled yet which model to use")
        if settled.error is not None:
            self.recheck()
        if settled.error is not None and not settled.use.name:
            raise type(settled.error)(*settled.error.args)
        return settled.endpoint

    @property
    def profile(self) -> PromptProfile:
        """How the model in use wants to be prompted."""
        return DEMONSTRATION if self._settled is None else self._settled.profile

    def describe(self) -> ModelInUse:
        """Say which model is in use and why.

        Raises:
            ModelUnavailableError: `refresh` was never called.
        """
        if self._settled is None:
            raise ModelUnavailableError("It is not settled yet which model to use")
        return self._settled.use

    async def refresh(self) -> ModelInUse:
        """Decide anew; call it at the start. A server that does not answer is a `problem`, not an error."""
        async with self._changing:
            self._checked_at = time.monotonic()
            saved = await self._store.load()
            choice, reason = await self._decide(saved)
            self._settled = await self._settle(choice, reason)
        use = self._settled.use
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
            settled = await self._settle(choice, "chosen by the owner")
            if settled.error is not None:
                raise settled.error
            if settled.endpoint is None:
                await asyncio.to_thread(find_weights, self._settings.llm_gguf)
            await self._store.save(SavedChoice(choice, mark_of(self._settings)))
            self._settled = settled
        log.info("model_switched", kind=settled.use.kind, model=settled.use.name)
        return settled.use

    async def test(self) -> TestReport:
        """Ask the model in use for one sentence. A failure is in the report, not raised."""
        try:
            endpoint = self.endpoint
        except ModelError as error:
            return TestReport(ok=False, problem=str(error))
        return await try_model(self._model, endpoint, self.profile)

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

    async def _settle(self, choice: ModelChoice, reason: str) -> _Settled:
        if choice.kind == "embedded":
            return self._settle_embedded(choice, reason)
        configured = choice.kind == "configured"
        base_url = self._settings.llm_base_url if configured else choice.base_url
        name = choice.model or (self._settings.llm_model if configured else None) or ""
        key = self._settings.llm_api_key if configured else None
        endpoint = Endpoint(base_url or "", name, key, self._provider(base_url or ""))
        model, error = await self._look_up(endpoint)
        endpoint = msgspec.structs.replace(endpoint, model=name or model.id)
        use = ModelInUse(
            choice=choice,
            kind="configured" if configured else "server",
            name=endpoint.model,
            reason=reason,
            base_url=without_secrets(endpoint.base_url),
            problem=None if error is None else str(error),
        )
        return _Settled(use, server_profile(model.context_tokens, endpoint.provider), endpoint, error)

    def _settle_embedded(self, choice: ModelChoice, reason: str) -> _Settled:
        if gguf := self._settings.llm_gguf:
            use = ModelInUse(choice=choice, kind="gguf", name=gguf, reason=reason)
            return _Settled(use, OWN_GGUF)
        use = ModelInUse(
            choice=choice, kind="built-in", name=WHEEL_MODEL, reason=reason, is_demonstration=True, ways=WAYS
        )
        return _Settled(use, DEMONSTRATION)

    async def _look_up(self, endpoint: Endpoint) -> tuple[ModelInfo, ModelError | None]:
        """Find the endpoint's model in its server's list, or the first chat model if none is named.

        A server may answer for a model that it does not list, or have no list at all.
        """
        try:
            listed = await list_models(self._session, endpoint)
        except ModelError as error:
            tolerable = bool(endpoint.model) and isinstance(error, ModelNotFoundError)
            return ModelInfo(endpoint.model), None if tolerable else error
        if endpoint.model:
            found = (model for model in listed if model.id == endpoint.model)
            return next(found, ModelInfo(endpoint.model)), None
        chat = next((model for model in listed if model.is_chat), None)
        if chat is None:
            address = without_secrets(endpoint.base_url)
            return ModelInfo(""), ModelNotFoundError(
                f"{address} lists no chat model; name one with LLM_MODEL"
            )
        return chat, None

    def _provider(self, base_url: str) -> str:
        return local_provider(base_url, self._ports) or provider_of(base_url)

    def _embedded_label(self) -> str:
        gguf = self._settings.llm_gguf
        return f"The model file {gguf}" if gguf else f"The built-in demonstration model ({WHEEL_MODEL})"


def _first_of(server: LocalServer) -> ModelChoice:
    return ModelChoice("server", server.base_url, server.chat_models[0].id)
