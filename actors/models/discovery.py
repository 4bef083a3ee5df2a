"""Model servers on this machine: asked at their usual ports, never assumed."""

import asyncio
from collections.abc import Mapping

import aiohttp
import msgspec

from actors.models.catalogue import ModelInfo, list_models
from actors.models.chat import Endpoint
from actors.models.errors import ModelError

USUAL_PORTS: Mapping[str, int] = {"ollama": 11434, "lm-studio": 1234, "llama.cpp": 8080, "vllm": 8000}
ANSWER_S = 0.3


class LocalServer(msgspec.Struct, frozen=True):
    """A server that answered with a list of models. `provider` is what usually listens on that port."""

    provider: str
    base_url: str
    models: tuple[ModelInfo, ...]

    @property
    def chat_models(self) -> tuple[ModelInfo, ...]:
        """Those that can hold a conversation."""
        return tuple(model for model in self.models if model.is_chat)


async def find_local_servers(
    session: aiohttp.ClientSession, ports: Mapping[str, int] = USUAL_PORTS, within_s: float = ANSWER_S
) -> tuple[LocalServer, ...]:
    """Ask all ports at once and return who answered, in the order of `ports`.

    Whatever answers HTTP without a list of models, or wants a key, is left out.
    """
    asked = [_ask(session, provider, port, within_s) for provider, port in ports.items()]
    return tuple(server for server in await asyncio.gather(*asked) if server is not None)


async def _ask(
    session: aiohttp.ClientSession, provider: str, port: int, within_s: float
) -> LocalServer | None:
    base_url = f"http://127.0.0.1:{port}/v1"
    try:
        models = await list_models(session, Endpoint(base_url, "", provider=provider), within_s)
    except ModelError:
        return None
    return LocalServer(provider, base_url, models)
