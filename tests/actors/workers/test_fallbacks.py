"""A turn's reply, from the settings over the real service to servers that fail: who answers in the end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from actors.context.plan import make_plan
from actors.models.active import ActiveModel
from actors.models.choice import SavedChoice
from actors.models.errors import ModelError, ModelRestingError, StreamBrokenError
from actors.models.openai import new_session
from actors.personality.generation import Generation
from actors.personality.ports import Ports
from actors.workers.guard import GuardedChat
from actors.workers.service import LlmService
from config import metrics
from config.settings import Settings
from supervision.gate import GatePolicy
from supervision.limiter import LimitPolicy
from tests.actors.scripted import MemoryOutlet, MemoryTranscript, MemoryTurns, message, personality
from tests.actors.workers.rig import until
from tests.scripted_model import Reply, ScriptedModel, refuse

pytestmark = pytest.mark.service

ADA = personality("Ada")
HELLO = message("Hello, Ada.")


class NoSwitch:
    async def load(self) -> SavedChoice | None:
        return None

    async def save(self, saved: SavedChoice) -> None:
        raise AssertionError(saved)


class House:
    """The service and the model in use, and a way to let Ada speak."""

    def __init__(self, service: LlmService, active: ActiveModel) -> None:
        self.service = service
        self.active = active
        self.shown: list[str] = []

    async def reply(self, deadline_s: float = 20.0) -> str:
        ports = Ports(
            turns=MemoryTurns(),
            transcript=MemoryTranscript(),
            model=self.service,
            voice=self.active,
            outlet=MemoryOutlet(),
            deadline_s=deadline_s,
            now=lambda: datetime.now(UTC),
            jitter=lambda: 0.0,
        )
        plan = make_plan(ADA, (ADA,), (HELLO,), (HELLO,), ports.now())
        return await Generation("turn", plan, ports, self.shown.append, lambda _attempt: None).run()


@asynccontextmanager
async def house(first: ScriptedModel, fallbacks: str | None = None) -> AsyncGenerator[House, None]:
    settings = Settings(worker_host="none", llm_base_url=first.base_url, llm_fallbacks=fallbacks)
    service = LlmService(settings)
    await service.start()
    try:
        async with new_session() as session:
            active = ActiveModel(settings, session, service, NoSwitch(), {}, circuits=service.guard)
            await active.refresh()
            yield House(service, active)
    finally:
        await service.stop()


def circuit_of(server: ScriptedModel) -> float | None:
    """Return what the metric says of a server's model: closed, half open, open."""
    labels = {"provider": server.base_url, "model": server.models[0]}
    return metrics.REGISTRY.get_sample_value("troupe_model_circuit", labels)


def second() -> ScriptedModel:
    return ScriptedModel(Reply(text="I speak for the other."), models=["second"])


@pytest.mark.parametrize(
    "reply",
    [
        refuse(503),
        refuse(429, retry_after="60"),
        refuse(529, code="overloaded_error"),
        refuse(402),
        Reply(fault="error-in-stream", fault_after=0),
        Reply(fault="break-mid-stream", fault_after=0),
    ],
)
async def test_the_next_model_answers_in_the_same_turn(reply: Reply) -> None:
    async with ScriptedModel(reply) as first, second() as other, house(first, other.base_url) as here:
        with capture_logs() as logs:
            assert await here.reply() == "I speak for the other."

    (answered,) = [entry for entry in logs if entry["event"] == "model_answered"]
    assert (answered["model"], answered["attempt"]) == ("second", 2)
    assert len(first.seen) == 1


async def test_an_open_circuit_is_gone_around_and_closes_by_itself() -> None:
    script = [refuse(503, retry_after="1"), Reply(text="I am back.")]
    async with ScriptedModel(script) as first, second() as other, house(first, other.base_url) as here:
        await here.reply()
        assert await here.reply() == "I speak for the other."
        assert len(first.seen) == 1
        assert here.active.describe().standing.endswith("rests for 1 s, second answers meanwhile")
        assert circuit_of(first) == 2.0
        await until(lambda: circuit_of(first) == 1.0)
        assert await here.reply() == "I am back."
        assert here.active.describe().standing == "scripted-1"
        assert circuit_of(first) == 0.0


async def test_words_that_are_visible_are_never_followed_by_another_model() -> None:
    reply = Reply(fault="break-mid-stream")
    async with ScriptedModel(reply) as first, second() as other, house(first, other.base_url) as here:
        with pytest.raises(StreamBrokenError):
            await here.reply()
    assert (other.seen, here.shown[-1]) == ([], "Hello there, I")


async def test_without_another_model_people_hear_when_to_try_again() -> None:
    async with ScriptedModel(refuse(500)) as first, house(first) as here:
        for _ in range(2):
            with pytest.raises(ModelError):
                await here.reply()
        with pytest.raises(ModelRestingError) as refused:
            await here.reply()

    assert refused.value.user_message == "My model is resting after repeated failures; try again in 8 s."
    assert len(first.seen) == 7


async def test_a_short_pause_is_kept_within_the_turn() -> None:
    script = [refuse(429, retry_after="0.5"), Reply(text="Now, then.")]
    async with ScriptedModel(script) as first, house(first) as here:
        assert await here.reply() == "Now, then."
        assert first.seen[1].at - first.seen[0].at >= 0.5


async def test_too_many_for_one_model_are_taken_by_the_next() -> None:
    slow = Reply(text="One by one.", first_token_s=0.2)
    async with ScriptedModel(slow) as first, second() as other, house(first, other.base_url) as here:
        policy = GatePolicy(limit=LimitPolicy(most=1), most_waiting=1)
        here.service.guard = GuardedChat(here.service.fallback, policy, slots=1)
        replies = await asyncio.gather(*(here.reply() for _ in range(3)))
    assert sorted(replies) == ["I speak for the other.", "One by one.", "One by one."]


async def test_requests_are_counted_by_model_and_end() -> None:
    def counted(outcome: str) -> float:
        labels = {"provider": first.base_url, "model": "scripted-1", "outcome": outcome}
        return metrics.REGISTRY.get_sample_value("troupe_model_requests_total", labels) or 0.0

    script = [refuse(500), Reply()]
    async with ScriptedModel(script) as first, house(first) as here:
        await here.reply()
        assert (counted("failed"), counted("answered")) == (1.0, 1.0)
