"""From plan to request, in the form that the model's prompt profile names."""

from typing import Literal, Protocol

import msgspec

from actors.context.chat import render_chat
from actors.context.plan import ContextPlan
from actors.context.transcript import VISITOR, opening_words, render_transcript
from actors.models.chat import ChatRequest, Sampling


class Profile(Protocol):
    """How a model wants to be prompted: the part of its profile that rendering needs."""

    @property
    def form(self) -> Literal["chat", "transcript"]:
        """Alternating chat messages, or one plain text to go on with."""
        ...

    @property
    def prompt_tokens(self) -> int:
        """How much the prompt may hold, with room left for the answer."""
        ...

    @property
    def sampling(self) -> Sampling:
        """The parameters of generation, stops included."""
        ...


class Prepared(msgspec.Struct, frozen=True):
    """A request, and the words with which its answer begins already."""

    request: ChatRequest
    opening: str = ""


def prepare_request(plan: ContextPlan, profile: Profile, request_id: str, *, scale: float = 1.0) -> Prepared:
    """Render a plan.

    Args:
        plan: what the speaker hears.
        profile: form, limits and sampling of the model.
        request_id: names the attempt.
        scale: share of the prompt budget to use, below 1 after a model found a prompt too long.
    """
    budget = int(profile.prompt_tokens * scale)
    request = ChatRequest(id=request_id, endpoint=None, sampling=profile.sampling)
    if profile.form == "transcript":
        prompt = render_transcript(plan, budget)
        return Prepared(msgspec.structs.replace(request, prompt=prompt), opening_words(plan.identity))
    return Prepared(msgspec.structs.replace(request, messages=render_chat(plan, budget)))


def names_in(plan: ContextPlan) -> tuple[str, ...]:
    """Return everyone whom the speaker must not speak for."""
    logged = (line.label for line in plan.log if not line.own)
    return tuple(dict.fromkeys((*plan.company, *plan.people, *logged, VISITOR)))
