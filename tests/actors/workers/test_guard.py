"""Circuits, limits and queues around models, against real servers that fail in the ways of providers."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from actors.models.chat import ChatEvent, ChatModel, ChatRequest, Delta, Finished
from actors.models.errors import (
    BadRequestError,
    ContentRefusedError,
    ContextTooLongError,
    EmptyAnswerError,
    ModelAuthError,
    ModelError,
    ModelOverloadedError,
    ModelRateLimitedError,
    ModelRestingError,
    ModelTimeoutError,
    ModelUnavailableError,
    StreamBrokenError,
)
from actors.models.openai import OpenAIChat, new_session
from actors.workers import guard as guarding
from actors.workers.errors import WorkerFaultError, WorkerLostError
from actors.workers.guard import GuardedChat, ModelState
from supervision.breaker import BreakerPolicy
from supervision.gate import GatePolicy
from supervision.limiter import LimitPolicy
from tests.actors.workers.rig import request_to, text_of
from tests.scripted_model import Reply, ScriptedModel, html, refuse

pytestmark = pytest.mark.service

USUAL = BreakerPolicy(open_s=15.0)
SOON = BreakerPolicy(open_s=0.3)


@pytest.fixture
async def chat() -> AsyncIterator[OpenAIChat]:
    async with new_session() as session:
        yield OpenAIChat(session, idle_s=0.5)


def guarded(model: ChatModel, breaker: BreakerPolicy = USUAL, most: int = 64, **policy: Any) -> GuardedChat:
    return GuardedChat(model, GatePolicy(breaker=breaker, limit=LimitPolicy(most=most), **policy), slots=2)


async def fail(guard: ChatModel, server: ScriptedModel | None, times: int = 1) -> list[type[Exception]]:
    """Ask some times in a row and return what went wrong."""
    errors: list[type[Exception]] = []
    for _ in range(times):
        with suppress(ModelError):
            try:
                await text_of(guard.stream(request_to(server, within_s=4.0)))
            except ModelError as error:
                errors.append(type(error))
                raise
    return errors


def state(guard: GuardedChat) -> ModelState:
    (only,) = guard.states()
    return only


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refuse(500), ModelUnavailableError),
        (refuse(503), ModelUnavailableError),
        (refuse(529, code="overloaded_error"), ModelUnavailableError),
        (refuse(429), ModelRateLimitedError),
        (Reply(fault="break-mid-stream"), StreamBrokenError),
        (Reply(fault="error-in-stream"), ModelUnavailableError),
        (html(), Exception),
    ],
)
async def test_five_failures_in_a_row_spare_the_server(
    chat: OpenAIChat, reply: Reply, kind: type[Exception]
) -> None:
    async with ScriptedModel(reply) as server:
        guard = guarded(chat)
        errors = await fail(guard, server, 7)

    assert all(issubclass(error, kind) for error in errors[:5])
    assert errors[5:] == [ModelRestingError, ModelRestingError]
    assert len(server.seen) == 5


async def test_a_server_that_hangs_is_spared(chat: OpenAIChat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "FAIR_S", 0.4)
    async with ScriptedModel(Reply(fault="hang-before-headers")) as server:
        guard = guarded(chat)
        await asyncio.gather(*(fail(guard, server) for _ in range(5)))
        assert await fail(guard, server) == [ModelRestingError]


async def test_a_server_that_is_gone_is_spared(chat: OpenAIChat) -> None:
    async with ScriptedModel() as server:
        pass
    errors = await fail(guarded(chat), server, 6)
    assert errors == [*[ModelUnavailableError] * 5, ModelRestingError]


@pytest.mark.parametrize(
    "reply",
    [
        refuse(400),
        refuse(400, "This model's maximum context length is 10 tokens"),
        refuse(401),
        refuse(402),
        refuse(404),
        refuse(403, code="content_filter"),
        Reply(text=(), finish="content_filter"),
        Reply(text=()),
    ],
)
async def test_what_is_not_the_servers_fault_never_counts(chat: OpenAIChat, reply: Reply) -> None:
    async with ScriptedModel(reply) as server:
        guard = guarded(chat)
        await fail(guard, server, 12)
    assert (state(guard).state, len(server.seen)) == ("closed", 12)


@pytest.mark.parametrize("status", [429, 503, 529])
async def test_a_pause_that_the_server_asks_for_is_kept_by_everybody(chat: OpenAIChat, status: int) -> None:
    async with ScriptedModel([refuse(status, retry_after="20"), Reply()]) as server:
        guard = guarded(chat)
        await fail(guard, server)
        with pytest.raises(ModelRestingError) as refused:
            await text_of(guard.stream(request_to(server)))

    assert len(server.seen) == 1
    assert refused.value.retry_after == pytest.approx(20, abs=1)
    assert refused.value.user_message == (
        "My model is resting because its server asked for a pause; try again in 20 s."
    )


async def test_a_short_pause_is_waited_for(chat: OpenAIChat) -> None:
    async with ScriptedModel([refuse(503, retry_after="0.3"), Reply(text="Good evening.")]) as server:
        guard = guarded(chat)
        await fail(guard, server)
        assert await text_of(guard.stream(request_to(server))) == "Good evening."
        assert server.seen[1].at - server.seen[0].at >= 0.3


async def test_people_are_told_why_and_when_to_try_again(chat: OpenAIChat) -> None:
    async with ScriptedModel(refuse(500)) as server:
        guard = guarded(chat)
        await fail(guard, server, 5)
        begun = time.monotonic()
        with pytest.raises(ModelRestingError) as refused:
            await text_of(guard.stream(request_to(server)))

    assert time.monotonic() - begun < 5.0, "it waited instead of saying no"
    assert refused.value.user_message == "My model is resting after repeated failures; try again in 15 s."


async def test_a_probe_finds_out_that_the_server_is_well_again(chat: OpenAIChat) -> None:
    async with ScriptedModel([*[refuse(500)] * 5, Reply(text="Well again.")]) as server:
        guard = guarded(chat, SOON)
        await fail(guard, server, 5)
        assert await text_of(guard.stream(request_to(server))) == "Well again."
        assert state(guard).state == "closed"


async def test_a_probe_that_fails_opens_the_circuit_again(chat: OpenAIChat) -> None:
    async with ScriptedModel(refuse(500)) as server:
        guard = guarded(chat, SOON, patience_s=0.1)
        await fail(guard, server, 5)
        await asyncio.sleep(0.35)
        errors = await fail(guard, server, 2)

    assert errors == [ModelUnavailableError, ModelRestingError]
    assert len(server.seen) == 6


async def test_an_owner_who_looked_after_a_model_may_ask_it_at_once(chat: OpenAIChat) -> None:
    async with ScriptedModel([*[refuse(500)] * 5, Reply(text="Well again.")]) as server:
        guard = guarded(chat)
        await fail(guard, server, 5)
        endpoint = request_to(server).endpoint
        assert guard.wait_s(endpoint) > 10
        guard.trust(endpoint)
        assert guard.wait_s(endpoint) == 0.0
        assert await text_of(guard.stream(request_to(server))) == "Well again."


async def test_other_models_are_asked_meanwhile(chat: OpenAIChat) -> None:
    async with ScriptedModel(refuse(500)) as ill, ScriptedModel(Reply(text="Here.")) as well:
        guard = guarded(chat)
        await fail(guard, ill, 5)
        assert await text_of(guard.stream(request_to(well))) == "Here."


class Concurrent:
    """A script that refuses what is more than `takes` at once, and remembers how many there were."""

    def __init__(self, takes: int, retry_after: str | None = None) -> None:
        self.takes = takes
        self.retry_after = retry_after
        self.server: ScriptedModel | None = None
        self.refused = 0

    def __call__(self, _body: dict[str, Any]) -> Reply:
        assert self.server is not None
        others = sum(seen.outcome == "open" for seen in self.server.seen) - 1
        if others >= self.takes:
            self.refused += 1
            return refuse(429, retry_after=self.retry_after)
        return Reply(text="Done.", first_token_s=0.05)


async def again(ask: Callable[[], Awaitable[str]]) -> str:
    """Try as a turn does: three times, with a pause."""
    for _ in range(2):
        with suppress(ModelRateLimitedError):
            return await ask()
        await asyncio.sleep(0.4)
    return await ask()


@pytest.mark.parametrize("retry_after", [None, "0.5"])
async def test_two_hundred_at_once_all_get_through_a_server_that_takes_eight(
    chat: OpenAIChat, retry_after: str | None
) -> None:
    script = Concurrent(takes=8, retry_after=retry_after)
    async with ScriptedModel(script) as server:
        script.server = server
        guard = guarded(chat)
        asked = (again(lambda: text_of(guard.stream(request_to(server)))) for _ in range(200))
        assert await asyncio.gather(*asked) == ["Done."] * 200

    assert state(guard).limit == 8
    assert state(guard).in_flight == 0
    assert script.refused < LimitPolicy().most, "refused after it had settled"


async def test_a_full_queue_says_so_politely(chat: OpenAIChat) -> None:
    async with ScriptedModel(Reply(first_token_s=0.3)) as server:
        guard = guarded(chat, most=1, most_waiting=1)
        ends = await asyncio.gather(
            *(text_of(guard.stream(request_to(server))) for _ in range(3)), return_exceptions=True
        )

    (shed,) = [end for end in ends if isinstance(end, ModelError)]
    assert isinstance(shed, ModelOverloadedError)
    assert "try again" in shed.user_message


async def test_who_waits_for_a_place_gives_up_before_the_deadline(chat: OpenAIChat) -> None:
    async with ScriptedModel(Reply(first_token_s=2.0)) as server:
        guard = guarded(chat, most=1)
        first = asyncio.create_task(text_of(guard.stream(request_to(server))))
        await asyncio.sleep(0.05)
        with pytest.raises(ModelOverloadedError):
            await text_of(guard.stream(request_to(server, within_s=1.2)))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert state(guard).in_flight == 0


async def test_the_embedded_model_has_its_own_circuit_and_as_many_places_as_slots() -> None:
    guard = guarded(Playing(ModelUnavailableError()))
    await fail(guard, None, 5)
    embedded = state(guard)
    assert (embedded.provider, embedded.model, embedded.state) == ("embedded", "embedded", "open")
    assert (embedded.limit, embedded.failures, embedded.answers) == (2, 5, 0)


class Playing:
    """A model that plays events and, where it comes to them, raises errors or waits."""

    def __init__(self, *steps: ChatEvent | Exception | float) -> None:
        self.steps = steps

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        assert request.endpoint is None
        for step in self.steps:
            match step:
                case Exception():
                    raise type(step)(*step.args)
                case float() | int():
                    await asyncio.sleep(step)
                case _:
                    yield step


@pytest.mark.parametrize(
    ("error", "opens"),
    [
        (ModelUnavailableError(), True),
        (StreamBrokenError(), True),
        (WorkerLostError(), False),
        (WorkerFaultError(), False),
        (ContentRefusedError(), False),
        (ContextTooLongError(), False),
        (BadRequestError(), False),
        (ModelAuthError(), False),
        (EmptyAnswerError(), False),
        (ModelTimeoutError("in less than a moment"), False),
    ],
)
async def test_only_the_faults_of_the_other_side_open_the_circuit(error: ModelError, *, opens: bool) -> None:
    guard = guarded(Playing(Delta("So"), error))
    await fail(guard, None, 5)
    assert (state(guard).state == "open") == opens


async def test_a_stream_without_an_end_counts_as_broken() -> None:
    guard = guarded(Playing(Delta("So")))
    await fail(guard, None, 5)
    assert state(guard).state == "open"


async def test_a_reader_who_has_heard_enough_is_content() -> None:
    guard = guarded(Playing(Delta("So"), Delta(" it goes"), Finished()))
    events = guard.stream(request_to(None))
    await anext(events)
    await events.aclose()
    assert (state(guard).answers, state(guard).in_flight) == (1, 0)


async def test_a_turn_that_is_withdrawn_counts_for_nothing() -> None:
    guard = guarded(Playing(60.0))
    for _ in range(6):
        task = asyncio.create_task(text_of(guard.stream(request_to(None))))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (state(guard).state, state(guard).failures, state(guard).in_flight) == ("closed", 0, 0)


async def test_a_turn_whose_time_runs_out_in_silence_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "FAIR_S", 0.1)
    guard = guarded(Playing(60.0), most=8)
    request = request_to(None, within_s=1.3)
    tasks = [asyncio.create_task(text_of(guard.stream(request))) for _ in range(2)]
    await asyncio.sleep(1.35)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert state(guard).failures == 2
