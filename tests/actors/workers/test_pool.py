"""The pool, the hub and the worker's side, over a real socket, against a scripted model server."""

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from actors.models.chat import ChatEvent, ChatMessage, ChatRequest, Delta, Endpoint, Finished
from actors.models.errors import BadRequestError, ModelRateLimitedError, ModelTimeoutError
from actors.workers import pool as pool_module
from actors.workers.errors import HubGoneError, WorkerLostError
from actors.workers.frames import MAX_FRAME, WINDOW
from actors.workers.hub import Hub, own_address
from actors.workers.llm import serve
from actors.workers.orders import Door, Orders
from actors.workers.pool import DISPATCHES, WorkerPool, kind_for
from actors.workers.uplink import dial
from tests.actors.workers.rig import open_hub, request_to, text_of, until, worker
from tests.scripted_model import Reply, ScriptedModel, refuse, words

pytestmark = pytest.mark.service

ONE_READ = 256 * 1024
"""What the HTTP client may hand on at once from a server that sends without pause."""

ENDLESS = Reply(text=words(2000), rate=100)


class Fallback:
    """A chat model that says where it is."""

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        yield Delta(f"in process: {request.id}")
        yield Finished()


@pytest.fixture
def pool(hub: Hub) -> WorkerPool:
    return WorkerPool(hub, Fallback())


async def test_a_worker_answers_with_the_server_s_text_and_counts(hub: Hub, pool: WorkerPool) -> None:
    async with ScriptedModel(Reply(text=words(100))) as server, worker(hub):
        events = [event async for event in pool.stream(request_to(server))]

    said = "".join(event.text for event in events if isinstance(event, Delta))
    assert said == "".join(words(100))
    assert isinstance(events[-1], Finished)
    assert events[-1].usage is not None


async def test_without_workers_the_fallback_answers(pool: WorkerPool) -> None:
    assert await text_of(pool.stream(request_to(None, "x"))) == "in process: x"


async def test_a_worker_of_another_kind_does_not_answer(hub: Hub, pool: WorkerPool) -> None:
    async with worker(hub):
        assert await text_of(pool.stream(request_to(None, "x"))) == "in process: x"


def test_requests_without_an_endpoint_are_for_the_embedded_model() -> None:
    kinds = [
        kind_for(ChatRequest(id="r", endpoint=endpoint)) for endpoint in (None, Endpoint("http://x", "m"))
    ]

    assert kinds == ["embedded", "llm"]


async def test_the_first_token_is_not_held_back(hub: Hub, pool: WorkerPool) -> None:
    async with ScriptedModel(Reply(text=words(50), rate=20)) as server, worker(hub):
        events = pool.stream(request_to(server))
        await anext(events)
        arrived = time.monotonic()
        await events.aclose()

    assert server.seen[0].first_token_at is not None
    assert arrived - server.seen[0].first_token_at < 0.03


async def test_a_refusal_arrives_with_all_its_fields(hub: Hub, pool: WorkerPool) -> None:
    async with ScriptedModel(refuse(429, "slow down", retry_after="7")) as server, worker(hub):
        with pytest.raises(ModelRateLimitedError) as caught:
            await text_of(pool.stream(request_to(server)))

    assert (caught.value.retry_after, caught.value.retryable) == (7.0, True)


async def test_closing_the_iterator_reaches_the_model_server(hub: Hub, pool: WorkerPool) -> None:
    async with ScriptedModel(ENDLESS) as server, worker(hub):
        events = pool.stream(request_to(server))
        await anext(events)

        await events.aclose()

        await until(lambda: server.seen[0].outcome == "cancelled", 2.0)
        assert not hub.links["llm-1"].streams


async def test_requests_go_to_the_least_busy_worker(hub: Hub, pool: WorkerPool) -> None:
    async with ScriptedModel(ENDLESS) as server, worker(hub, "a"), worker(hub, "b"):
        streams = [pool.stream(request_to(server)) for _ in range(4)]
        for events in streams:
            await anext(events)

        loads = sorted(len(link.streams) for link in hub.links.values())
        for events in streams:
            await events.aclose()

    assert loads == [2, 2]


async def test_a_slow_reader_holds_the_worker_back_and_loses_nothing(hub: Hub, pool: WorkerPool) -> None:
    text = tuple(f"{number:099d} " for number in range(20_000))
    async with ScriptedModel(Reply(text=text)) as server, worker(hub):
        events = pool.stream(request_to(server))
        first = await anext(events)
        await asyncio.sleep(0.3)
        (stream,) = hub.links["llm-1"].streams.values()
        waiting = sum(len(event.text) for event in stream._events if isinstance(event, Delta))
        rest = await text_of(events)

    assert waiting < WINDOW + ONE_READ < len("".join(text)) / 4
    assert isinstance(first, Delta)
    assert len(first.text + rest) == len("".join(text))


async def test_a_worker_lost_before_the_first_event_goes_unnoticed(hub: Hub, pool: WorkerPool) -> None:
    replies = [Reply(fault="hang-before-headers"), Reply(text="Second try.")]
    async with ScriptedModel(replies) as server, worker(hub, "a"), worker(hub, "b"):
        answer = asyncio.ensure_future(text_of(pool.stream(request_to(server))))
        await until(lambda: len(server.seen) == 1)

        hub.drop(next(name for name, link in hub.links.items() if link.streams), "test")

        assert await answer == "Second try."


async def test_a_worker_lost_after_text_is_the_reader_s_to_decide(hub: Hub, pool: WorkerPool) -> None:
    async with ScriptedModel(ENDLESS) as server, worker(hub):
        events = pool.stream(request_to(server))
        await anext(events)

        hub.drop("llm-1", "test")

        with pytest.raises(WorkerLostError) as caught:
            await text_of(events)
    assert caught.value.retryable


async def test_a_request_that_kills_its_workers_is_given_up(hub: Hub, pool: WorkerPool) -> None:
    async with (
        ScriptedModel(Reply(fault="hang-before-headers")) as server,
        worker(hub, "a"),
        worker(hub, "b"),
        worker(hub, "c"),
        worker(hub, "d"),
    ):
        answer = asyncio.ensure_future(text_of(pool.stream(request_to(server))))
        for sent in range(DISPATCHES):
            await until(lambda count=sent + 1: len(server.seen) == count)  # type: ignore[misc] - bound at once
            hub.drop(next(name for name, link in hub.links.items() if link.streams), "test")

        with pytest.raises(WorkerLostError, match="3 workers"):
            await answer


async def test_a_deadline_ends_a_stream_that_the_worker_lets_hang(
    hub: Hub, pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "DEADLINE_GRACE_S", -0.3)
    async with ScriptedModel(Reply(fault="hang-before-headers")) as server, worker(hub):
        with pytest.raises(ModelTimeoutError, match="did not keep"):
            await text_of(pool.stream(request_to(server, within_s=0.5)))


async def test_the_worker_keeps_the_deadline_itself(hub: Hub, pool: WorkerPool) -> None:
    async with ScriptedModel(Reply(fault="hang-before-headers")) as server, worker(hub):
        with pytest.raises(ModelTimeoutError, match="deadline"):
            await text_of(pool.stream(request_to(server, within_s=0.3)))


async def test_a_request_too_large_for_a_frame_is_a_bad_request(hub: Hub, pool: WorkerPool) -> None:
    message = ChatMessage("user", "x" * MAX_FRAME)
    request = ChatRequest(id="r", endpoint=Endpoint("http://127.0.0.1:1", "m"), messages=(message,))
    async with worker(hub):
        with pytest.raises(BadRequestError):
            await text_of(pool.stream(request))


async def test_a_bug_in_a_stream_ends_that_stream_and_not_the_worker(hub: Hub, pool: WorkerPool) -> None:
    async with ScriptedModel() as server, worker(hub):
        request = ChatRequest(id="r", endpoint=Endpoint("http://127.0.0.1:1/v1", "m"), prompt="\ud800")
        with pytest.raises(Exception, match="surrogates"):
            await text_of(pool.stream(request))

        assert await text_of(pool.stream(request_to(server)))


async def test_a_retiring_worker_gets_nothing_new_and_finishes(hub: Hub, pool: WorkerPool) -> None:
    async with ScriptedModel(Reply(text=words(40), rate=100)) as server, worker(hub):
        events = pool.stream(request_to(server))
        await anext(events)

        hub.retire("llm-1")
        other = await text_of(pool.stream(request_to(server, "x")))
        await text_of(events)

        await until(lambda: not hub.links, 2.0)
    assert other == "in process: x"


async def test_a_second_worker_under_the_same_name_replaces_the_first(hub: Hub) -> None:
    async with worker(hub) as first:
        old = hub.links["llm-1"]
        async with worker(hub):
            await until(lambda: hub.links.get("llm-1") not in {None, old})
            await asyncio.wait([first], timeout=2.0)

            assert first.done()


async def test_a_worker_ends_when_the_hub_stops() -> None:
    hub = Hub()
    await hub.start()
    async with worker(hub) as task:
        await hub.stop()

        await asyncio.wait_for(task, 2.0)


async def test_a_worker_that_finds_no_stage_says_so(hub: Hub) -> None:
    orders = Orders(id="a", kind="llm", door=Door(hub.door.address + "-elsewhere", "s"))

    with pytest.raises(HubGoneError):
        await serve(orders)


async def test_the_span_of_a_worker_belongs_to_the_trace_of_its_request(hub: Hub, pool: WorkerPool) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before = trace._TRACER_PROVIDER
    trace._TRACER_PROVIDER = provider
    carrier = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    try:
        async with ScriptedModel() as server, worker(hub):
            endpoint = Endpoint(server.base_url, "m")
            await text_of(pool.stream(ChatRequest(id="r", endpoint=endpoint, prompt="x", trace=carrier)))
    finally:
        trace._TRACER_PROVIDER = before

    spans = [span for span in exporter.get_finished_spans() if span.name == "worker.stream"]
    assert [f"{span.get_span_context().trace_id:032x}" for span in spans] == ["ab" * 16]


@pytest.fixture
async def tls_hub() -> AsyncGenerator[Hub, None]:
    async with open_hub("127.0.0.1") as made:
        yield made


async def test_a_worker_on_another_host_answers_over_tls(tls_hub: Hub) -> None:
    pool = WorkerPool(tls_hub, Fallback())
    async with ScriptedModel(Reply(text=words(500))) as server, worker(tls_hub):
        assert await text_of(pool.stream(request_to(server))) == "".join(words(500))


async def test_the_stage_is_reached_by_the_address_on_the_way_to_the_other_host() -> None:
    assert await own_address("localhost") == "127.0.0.1"


async def test_a_worker_trusts_no_other_certificate(tls_hub: Hub) -> None:
    other = Hub("127.0.0.1")
    await other.start()
    door = Door(tls_hub.door.address, tls_hub.door.secret, other.door.certificate)
    try:
        with pytest.raises(HubGoneError):
            await dial(door)
    finally:
        await other.stop()


async def test_a_worker_without_the_secret_is_turned_away(tls_hub: Hub) -> None:
    door = Door(tls_hub.door.address, "guess", tls_hub.door.certificate)

    await asyncio.wait_for(serve(Orders(id="a", kind="llm", door=door)), 5.0)

    assert not tls_hub.links


async def test_the_private_key_is_left_nowhere(tls_hub: Hub) -> None:
    assert tls_hub._folder is not None
    assert list(tls_hub._folder.path.iterdir()) == []
