"""Blobs from a worker's model to their reader on the stage, over every door."""

import asyncio
import itertools
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from actors.models.chat import ChatRequest, Delta, Finished
from actors.models.errors import BadAnswerError
from actors.workers.errors import BlobLostError, BlobTooLargeError, WorkerLostError
from actors.workers.frames import INLINE, MAX_BLOB, PIECE
from actors.workers.hub import Hub
from actors.workers.inflight import InFlight
from actors.workers.orders import Orders
from actors.workers.pool import WorkerPool
from actors.workers.results import Result
from actors.workers.work import work
from tests.actors.workers.blob_worker import BlobModel, image
from tests.actors.workers.rig import open_hub, text_of, until
from tests.actors.workers.test_pool import Fallback

pytestmark = pytest.mark.service

LARGE = 1_000_000
ORDERS = {"id": "image-1", "kind": "image"}
numbers = itertools.count(1)


@pytest.fixture(params=[None, "127.0.0.1"], ids=["unix", "tls"])
async def hub(request: pytest.FixtureRequest) -> AsyncIterator[Hub]:
    async with open_hub(request.param) as made:
        yield made


@pytest.fixture
async def model(hub: Hub) -> AsyncIterator[BlobModel]:
    model = BlobModel()
    async with _running(work(Orders(**ORDERS, door=hub.door), model)):
        await until(lambda: "image-1" in hub.links)
        yield model


@asynccontextmanager
async def _running(work: "asyncio.Future[None]") -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def asked(hub: Hub, prompt: str) -> AsyncIterator[InFlight]:
    """Submit a request to the only worker and read its stream."""
    (link,) = hub.links.values()
    number = next(numbers)
    stream = link.submit(number, ChatRequest(id="r", endpoint=None, prompt=prompt))
    try:
        yield stream
    finally:
        stream.close()
        link.forget(number)


async def results(hub: Hub, prompt: str) -> list[Result]:
    """Return all that a request brings."""
    async with asked(hub, prompt) as stream:
        return [result async for result in _all(stream)]


async def _all(stream: InFlight) -> AsyncIterator[Result]:
    while (result := await stream.next()) is not None:
        yield result


def kept(hub: Hub) -> list[str]:
    """Return the files that the stage keeps, with and without names."""
    folder = folder_of(hub)
    paths = [Path(root, name) for root, _, names in os.walk(folder) for name in names]
    named = [str(path) for path in paths if path.is_file()]
    return named + [link for link in map(_target, Path("/proc/self/fd").glob("*")) if f"{folder}/" in link]


def folder_of(hub: Hub) -> Path:
    assert hub._folder is not None
    return hub._folder.path


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


SIZES = [0, 1, INLINE, INLINE + 1, PIECE, PIECE + 1, 3 * PIECE + 7]


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("size", SIZES)
async def test_a_blob_of_any_size_arrives_whole(hub: Hub, size: int) -> None:
    assert await results(hub, f"blob:{size}") == [image(size), Finished()]


@pytest.mark.usefixtures("model")
async def test_the_largest_blob_arrives(hub: Hub) -> None:
    blob, _ = await results(hub, f"blob:{MAX_BLOB}")

    assert blob == image(MAX_BLOB)


@pytest.mark.usefixtures("model")
async def test_a_larger_one_is_refused_and_the_worker_goes_on(hub: Hub) -> None:
    with pytest.raises(BlobTooLargeError):
        await results(hub, f"blob:{MAX_BLOB + 1}")

    assert await results(hub, "say:on") == [Delta("on"), Finished()]


@pytest.mark.usefixtures("model")
async def test_words_and_blobs_keep_their_order(hub: Hub) -> None:
    arrived = await results(hub, f"say:a blob:{LARGE} say:b blob:9 say:c blob:{LARGE}")

    expected = [Delta("a"), image(LARGE), Delta("b"), image(9), Delta("c"), image(LARGE), Finished()]
    assert arrived == expected


@pytest.mark.usefixtures("model")
async def test_streams_share_a_worker(hub: Hub) -> None:
    both = await asyncio.gather(*(results(hub, f"blob:{LARGE + n} say:x blob:{LARGE}") for n in range(3)))

    assert both == [[image(LARGE + n), Delta("x"), image(LARGE), Finished()] for n in range(3)]


@pytest.mark.usefixtures("model")
async def test_nothing_is_kept_of_what_was_read(hub: Hub) -> None:
    await results(hub, f"blob:{LARGE} blob:{LARGE}")

    await until(lambda: not kept(hub))


@pytest.mark.usefixtures("model")
async def test_nothing_is_kept_of_a_cancelled_stream(hub: Hub) -> None:
    async with asked(hub, f"blob:{LARGE} wait"):
        await until(lambda: bool(kept(hub)))

    await until(lambda: not kept(hub))


@pytest.mark.usefixtures("model")
async def test_nothing_is_kept_of_a_stream_that_is_cancelled_at_once(hub: Hub) -> None:
    for passes in range(40):
        async with asked(hub, f"blob:{LARGE}"):
            for _ in range(passes):
                await asyncio.sleep(0)
    await results(hub, "say:on")

    await until(lambda: not kept(hub))


async def test_a_reader_that_waits_holds_up_its_worker(hub: Hub, model: BlobModel) -> None:
    async with asked(hub, f"blob:{LARGE} blob:{LARGE} blob:{LARGE}") as stream:
        await until(lambda: bool(stream._events))
        await results(hub, f"blob:{LARGE}")

        assert model.made == 2


@pytest.mark.usefixtures("model")
async def test_a_missing_folder_loses_one_stream_and_not_the_worker(hub: Hub) -> None:
    (link,) = hub.links.values()
    shutil.rmtree(link.shelf._folder)

    with pytest.raises(BlobLostError) as caught:
        await results(hub, f"blob:{LARGE}")

    assert caught.value.retryable
    assert await results(hub, "say:on") == [Delta("on"), Finished()]


@pytest.mark.usefixtures("model")
async def test_the_last_blob_of_a_worker_that_retires_can_be_read(hub: Hub) -> None:
    async with asked(hub, f"blob:{LARGE}") as stream:
        hub.retire("image-1")
        await until(lambda: bool(stream._events))
        blob = await stream.next()
        await until(lambda: not hub.links)

    assert blob == image(LARGE)


async def test_a_killed_worker_leaves_nothing_and_its_reader_hears_of_it(hub: Hub) -> None:
    orders = msgspec.json.encode(Orders(**ORDERS, door=hub.door)).decode()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.actors.workers.blob_worker", orders
    )
    await until(lambda: "image-1" in hub.links)
    async with asked(hub, f"blob:{LARGE} wait") as stream:
        await until(lambda: bool(kept(hub)))
        process.kill()
        await process.wait()

        with pytest.raises(WorkerLostError):
            await _read_on(stream)

    await until(lambda: not kept(hub) and not list(folder_of(hub).glob("*/")))


async def _read_on(stream: InFlight) -> None:
    async for _ in _all(stream):
        pass


async def test_a_hub_that_stops_leaves_nothing(hub: Hub) -> None:
    async with _running(work(Orders(**ORDERS, door=hub.door), BlobModel())):
        await until(lambda: "image-1" in hub.links)
        folder = folder_of(hub)
        async with asked(hub, f"blob:{LARGE} wait"):
            await until(lambda: bool(kept(hub)))
            await hub.stop()

    assert not folder.exists()


async def test_a_reader_of_words_refuses_a_blob(hub: Hub) -> None:
    pool = WorkerPool(hub, Fallback())
    async with _running(work(Orders(id="e", kind="embedded", door=hub.door), BlobModel())):
        await until(lambda: "e" in hub.links)

        with pytest.raises(BadAnswerError):
            await text_of(pool.stream(ChatRequest(id="r", endpoint=None, prompt="blob:5")))
