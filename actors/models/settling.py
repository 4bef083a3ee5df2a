"""From a choice to a model that can be asked: its address, name and profile, and what people are told."""

import math
from collections.abc import Mapping
from typing import Literal

import aiohttp
import msgspec

from actors.models.address import local_provider, provider_of, without_secrets
from actors.models.catalogue import ModelInfo, list_models
from actors.models.chat import Endpoint
from actors.models.choice import ModelChoice
from actors.models.embedded import WHEEL_MODEL
from actors.models.errors import ModelError, ModelNotFoundError
from actors.models.profiles import DEMONSTRATION, OWN_GGUF, PromptProfile, server_profile
from config.settings import Settings

WAYS = (
    "Start a model server on this machine (Ollama, LM Studio, llama.cpp, vLLM), then choose it with /model.",
    "Set LLM_GGUF to the path of any GGUF model file and start again.",
    "Set LLM_BASE_URL, LLM_API_KEY and LLM_MODEL (OpenRouter, OpenAI, any compatible server), start again.",
)


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
        fallbacks: the models that stand in for it, in their order.
        resting_s: seconds until it is asked again, after failures or at its server's wish.
        speaks_now: the name of the model that would answer now.
    """

    choice: ModelChoice
    kind: Literal["configured", "server", "gguf", "built-in"]
    name: str
    reason: str
    base_url: str | None = None
    is_demonstration: bool = False
    problem: str | None = None
    ways: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    resting_s: float = 0.0
    speaks_now: str = ""

    @property
    def standing(self) -> str:
        """Say who answers now: the model itself, or what stands in for it while it rests or is away."""
        instead = self.speaks_now if self.speaks_now != self.name else ""
        rests = f"{self.name} rests for {math.ceil(self.resting_s)} s" if self.resting_s else ""
        if not instead:
            return rests or self.name
        return f"{rests or f'{self.name or self.kind} is away'}, {instead} answers meanwhile"


class Settled(msgspec.Struct, frozen=True):
    """A model, and what kept its server from confirming it."""

    use: ModelInUse
    profile: PromptProfile
    endpoint: Endpoint | None = None
    error: ModelError | None = None

    @property
    def can_be_asked(self) -> bool:
        """The model's name is known, even if its server did not answer."""
        return self.error is None or bool(self.use.name)


class Settler:
    """Looks models up.

    Args:
        settings: where the operator points.
        session: for asking servers about their models.
        ports: whose usual ports are known.
    """

    def __init__(self, settings: Settings, session: aiohttp.ClientSession, ports: Mapping[str, int]) -> None:
        self._settings = settings
        self._session = session
        self._ports = ports

    async def settle(self, choice: ModelChoice, reason: str) -> Settled:
        """Return what a choice comes to. A server that does not answer is in `error`, not raised."""
        if choice.kind == "embedded":
            return self._embedded(choice, reason)
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
        return Settled(use, server_profile(model.context_tokens, endpoint.provider), endpoint, error)

    def _embedded(self, choice: ModelChoice, reason: str) -> Settled:
        if gguf := self._settings.llm_gguf:
            use = ModelInUse(choice=choice, kind="gguf", name=gguf, reason=reason)
            return Settled(use, OWN_GGUF)
        use = ModelInUse(
            choice=choice, kind="built-in", name=WHEEL_MODEL, reason=reason, is_demonstration=True, ways=WAYS
        )
        return Settled(use, DEMONSTRATION)

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
