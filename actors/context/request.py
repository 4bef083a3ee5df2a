"""From plan to request, in the form that the model's prompt profile names."""

from typing import Literal, Protocol

from actors.context.chat import render_chat
from actors.context.plan import ContextPlan
from actors.context.transcript import VISITOR, render_transcript
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


def make_request(plan: ContextPlan, profile: Profile, request_id: str, *, scale: float = 1.0) -> ChatRequest:
    """Render a plan.

    Args:
        plan: what the speaker hears.
        profile: form, limits and sampling of the model.
        request_id: names the attempt.
        scale: share of the prompt budget to use, below 1 after a model found a prompt too long.
    """
    budget = int(profile.prompt_tokens * scale)
    if profile.form == "transcript":
        return ChatRequest(
            id=request_id, endpoint=None, prompt=render_transcript(plan, budget), sampling=profile.sampling
        )
    return ChatRequest(
        id=request_id, endpoint=None, messages=render_chat(plan, budget), sampling=profile.sampling
    )


def names_in(plan: ContextPlan) -> tuple[str, ...]:
    """Return everyone whom the speaker must not speak for."""
    logged = (line.label for line in plan.log if not line.own)
    return tuple(dict.fromkeys((*plan.company, *plan.people, *logged, VISITOR)))
