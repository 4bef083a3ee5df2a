"""Which models a server has, and whether it answers at all."""

import re
import time

import aiohttp
import msgspec

from actors.models.chat import Endpoint
from actors.models.errors import BadAnswerError
from actors.models.openai import get

LIST_S = 5.0
PING_S = 3.0

NOT_CHAT = re.compile(
    r"embed|rerank|whisper|transcri|moderation|dall-e|tts|(^|[-/])(bge|e5|sora)-|image|realtime|audio|ocr|nomic|babbage|davinci",
    re.IGNORECASE,
)


class ModelInfo(msgspec.Struct, frozen=True):
    """A model of a server; `context_tokens` where the server says so."""

    id: str
    context_tokens: int | None = None
    is_chat: bool = True


class _Meta(msgspec.Struct):
    n_ctx: int | None = None
    n_ctx_train: int | None = None


class _Architecture(msgspec.Struct):
    output_modalities: list[str] | None = None


class _Listed(msgspec.Struct):
    id: str
    context_length: int | None = None
    max_model_len: int | None = None
    meta: _Meta | None = None
    architecture: _Architecture | None = None

    def info(self) -> ModelInfo:
        meta = self.meta or _Meta()
        context = self.context_length or self.max_model_len or meta.n_ctx or meta.n_ctx_train
        outputs = self.architecture.output_modalities if self.architecture else None
        speaks = NOT_CHAT.search(self.id) is None if outputs is None else "text" in outputs
        return ModelInfo(self.id, context, speaks)


class _Listing(msgspec.Struct):
    """`data` is required: anything may answer HTTP on a port, but not with this."""

    data: list[_Listed] | None


_listing = msgspec.json.Decoder(_Listing)


async def list_models(
    session: aiohttp.ClientSession, endpoint: Endpoint, within_s: float = LIST_S
) -> tuple[ModelInfo, ...]:
    """Ask a server for its models, in its own order; `endpoint.model` does not matter.

    Raises:
        ModelError: it does not answer in time, refuses, or is not a model server.
    """
    body = await get(session, endpoint, "/models", within_s)
    try:
        listing = _listing.decode(body)
    except msgspec.DecodeError as error:
        raise BadAnswerError("The list of models is not one; is the base URL right?") from error
    return tuple(listed.info() for listed in listing.data or ())


async def ping(session: aiohttp.ClientSession, endpoint: Endpoint, within_s: float = PING_S) -> float:
    """Return the seconds that the server took to list its models.

    Raises:
        ModelError: as `list_models`.
    """
    begun = time.monotonic()
    await list_models(session, endpoint, within_s)
    return time.monotonic() - begun
