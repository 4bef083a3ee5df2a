from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span
from typing_extensions import override

from actors.runtime import AsyncioActor
from actors.runtime.envelope import CURRENT, Envelope

pytestmark = pytest.mark.unit


class Relay(AsyncioActor):
    """Passes a message on and reports what it was handled with."""

    def __init__(self, following: Any = None) -> None:
        super().__init__()
        self._following = following

    @override
    async def on_receive(self, message: Any) -> Any:
        envelope = self._cell.envelope
        assert envelope is not None
        seen = (envelope.id, envelope.cause, get_current_span().get_span_context().trace_id, self.remaining())
        if self._following is None:
            return [seen]
        return [seen, *await self._following.request(message, 60.0)]


def test_an_envelope_from_outside_has_no_cause_and_no_trace() -> None:
    envelope = Envelope("hello")
    assert (envelope.cause, envelope.chain, dict(envelope.trace)) == (0, (), {})


async def test_a_message_knows_which_one_caused_it() -> None:
    first, second = await Relay.start(Relay.start()).request("hello", 5.0)
    assert second[1] == first[0]


async def test_the_trace_of_the_sender_goes_along() -> None:
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("outside") as span:
        seen = await Relay.start(Relay.start()).request("hello", 5.0)
    assert {trace_id for _, _, trace_id, _ in seen} == {span.get_span_context().trace_id}


async def test_the_trace_of_one_message_is_not_the_next_ones() -> None:
    ref = Relay.start()
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("outside"):
        await ref.request("traced", 5.0)
    assert (await ref.request("plain", 5.0))[0][2] == trace.INVALID_TRACE_ID


async def test_an_ask_on_behalf_of_another_ends_with_it() -> None:
    first, second = await Relay.start(Relay.start()).request("hello", 5.0)
    assert first[3] == 5.0
    assert second[3] == 5.0


async def test_a_message_without_deadline_has_no_end() -> None:
    ref = Relay.start()
    (seen,) = await ref.ask("hello", block=False)
    assert seen[3] is None


async def test_a_tell_may_have_a_deadline() -> None:
    heard: list[Any] = []

    class Listener(AsyncioActor):
        @override
        def on_receive(self, message: Any) -> None:
            heard.append(message)

    ref = Listener.start()
    ref.tell("late", deadline=-1.0)
    await ref.request("in time", 5.0)
    assert heard == ["in time"]


def test_no_code_outside_actors_has_a_scope() -> None:
    assert CURRENT.get() is None
