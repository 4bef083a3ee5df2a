"""How a model wants to be prompted: form, room, and sampling."""

from typing import Literal

import msgspec

from actors.models.chat import Sampling
from actors.models.embedded import BUILT_IN, OWN_FILE

MARGIN_TOKENS = 64
"""For what a chat template adds and for an estimate that is a little off."""

SHARE_OF_REPLY = 4
"""An answer takes at most this fraction of a small context."""


class PromptProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What rendering and generation must know of a model.

    Attributes:
        form: alternating chat messages, or one plain transcript to go on with.
        context_tokens: prompt and answer together.
        reply_tokens: the longest answer.
        sampling: the parameters of generation, with stops and the limit of the answer.
    """

    form: Literal["chat", "transcript"]
    context_tokens: int
    reply_tokens: int
    sampling: Sampling

    @property
    def prompt_tokens(self) -> int:
        """How much the prompt may hold, with room left for the answer."""
        return self.context_tokens - self.reply_tokens - MARGIN_TOKENS


DEMONSTRATION = PromptProfile(
    form="transcript",
    context_tokens=BUILT_IN.context_per_slot,
    reply_tokens=64,
    sampling=Sampling(
        max_tokens=64,
        temperature=0.9,
        top_k=20,
        min_p=0.15,
        repeat_penalty=1.1,
        presence_penalty=0.4,
        stop=("\n",),
    ),
)
"""For 135 million parameters: a line in a plain transcript is what it does well.

Chosen by reading thirty answers of two characters under each of four settings: cooler ones repeat a
phrase for good once they have said it, warmer or harder punished ones ramble on about twins and weddings.
"""

OWN_GGUF = PromptProfile(
    form="chat",
    context_tokens=OWN_FILE.context_per_slot,
    reply_tokens=600,
    sampling=Sampling(max_tokens=600, temperature=0.8, min_p=0.05),
)
"""For a file of the operator's choice: large enough for its chat template, served on this machine."""

SERVER = PromptProfile(
    form="chat",
    context_tokens=8192,
    reply_tokens=2000,
    sampling=Sampling(max_tokens=2000),
)
"""For a model behind a URL: no parameter that some model refuses, and room to think before speaking."""

SERVER_CONTEXT_LIMIT = 32_768
"""More is slow and costly, and no better for talk."""

USUAL_CONTEXT = {"ollama": 4096, "lm-studio": 4096}
"""What these servers give a model unless told otherwise; they do not say so, and cut what is longer."""


def server_profile(context_tokens: int | None, provider: str = "") -> PromptProfile:
    """Return the profile of a served model, fitted to its context.

    Args:
        context_tokens: what the server named, if it did.
        provider: label of the server, for those whose usual context is known.
    """
    known = context_tokens or USUAL_CONTEXT.get(provider)
    if known is None:
        return SERVER
    context = min(known, SERVER_CONTEXT_LIMIT)
    reply = min(SERVER.reply_tokens, context // SHARE_OF_REPLY)
    sampling = msgspec.structs.replace(SERVER.sampling, max_tokens=reply)
    return PromptProfile(form="chat", context_tokens=context, reply_tokens=reply, sampling=sampling)
