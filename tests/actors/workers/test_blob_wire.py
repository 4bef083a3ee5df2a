"""Large blobs frame by frame: what a worker sends and when, and what a stage bears of a worker gone wrong."""

import asyncio
import hashlib
import resource
import sys
from pathlib import Path

import msgspec
import pytest

from actors.models.chat import ChatRequest, Delta, Finished
from actors.workers.errors import BlobLostError
from actors.workers.frames import (
    MAX_BLOB,
    PIECE,
    WINDOW,
    Cancel,
    Chunks,
    Credit,
    End,
    Failed,
    Frame,
    Piece,
    Stored,
    Submit,
)
from actors.workers.hub import Departure, Hub
from actors.workers.orders import Orders
from actors.workers.results import Blob
from tests.actors.workers.blob_worker import image
from tests.actors.workers.rig import until
from tests.actors.workers.wire import Wire, stage_by_hand, worker_by_hand

pytestmark = pytest.mark.service

DATA = b"not really an image" * 5000
NAME = "0123456789abcdef" * 2
STORED = Stored("image/png", len(DATA), hashlib.sha256(DATA).digest(), NAME)


def submit(number: int, prompt: str) -> Submit:
    return Submit(number, ChatRequest(id="r", endpoint=None, prompt=prompt))


def chunk(number: int, *events: Delta | Finished | Blob | Stored) -> Chunks:
    return Chunks(((number, events),))


async def the_rest_of(wire: Wire, number: int) -> list[Frame]:
    """Receive until a stream ends."""
    frames: list[Frame] = [await wire.next()]
    while not isinstance(frames[-1], End | Failed) or frames[-1].stream != number:
        frames.append(await wire.next())
    return frames


async def next_piece(wire: Wire) -> Piece:
    """Receive until a piece comes."""
    while not isinstance(frame := await wire.next(), Piece):
        pass
    return frame


def sizes(folder: Path) -> list[int]:
    return [file.stat().st_size for file in folder.iterdir()]


async def test_words_pass_a_blob_of_twenty_megabytes(tmp_path: Path) -> None:
    async with stage_by_hand(tmp_path) as wire:
        wire.send(submit(1, "blob:20000000"))
        first = await wire.next()
        wire.send(submit(2, "say:we say:go say:first"))

        between = await the_rest_of(wire, 2)

    assert isinstance(first, Piece)
    assert not [frame for frame in between if isinstance(frame, Piece)]


async def test_one_piece_is_under_way_at_a_time_whoever_it_belongs_to(tmp_path: Path) -> None:
    async with stage_by_hand(tmp_path) as wire:
        wire.send(submit(1, f"blob:{2 * PIECE}"), submit(2, f"blob:{2 * PIECE}"))
        order: list[int] = []
        early: list[Frame] = []
        for number in (3, 4, 5, 6):
            piece = await next_piece(wire)
            order.append(piece.stream)
            wire.send(submit(number, ""))
            early += [frame for frame in await the_rest_of(wire, number) if isinstance(frame, Piece)]
            wire.send(Credit(piece.stream, len(piece.data)))

    assert (sorted(order), early) == ([1, 1, 2, 2], [])


async def test_the_pieces_are_the_blob(tmp_path: Path) -> None:
    size = 2 * PIECE + 5
    async with stage_by_hand(tmp_path) as wire:
        wire.send(submit(1, f"blob:{size}"))
        data = b""
        while isinstance(frame := await wire.next(), Piece):
            data += frame.data
            wire.send(Credit(1, len(frame.data)))

    assert data == image(size).data
    assert frame == chunk(1, Stored("image/png", size, hashlib.sha256(data).digest()))


async def test_a_file_waits_for_its_reader_before_the_next_one(tmp_path: Path) -> None:
    async with stage_by_hand(tmp_path, spool=str(tmp_path)) as wire:
        wire.send(submit(1, f"blob:{2 * PIECE} blob:{PIECE}"))
        first = await wire.next()
        wire.send(submit(2, "say:meanwhile"))
        between = await the_rest_of(wire, 2)
        waiting = sizes(tmp_path)
        wire.send(Credit(1, 2 * PIECE))
        second = await wire.next()

    assert isinstance(first, Chunks)
    assert isinstance(second, Chunks)
    assert {number for frame in between if isinstance(frame, Chunks) for number, _ in frame.batch} == {2}
    assert waiting == [2 * PIECE]


async def test_a_stream_cancelled_between_pieces_lets_the_others_through(tmp_path: Path) -> None:
    async with stage_by_hand(tmp_path) as wire:
        wire.send(submit(1, f"blob:{9 * PIECE}"))
        await wire.next()
        wire.send(submit(2, f"blob:{PIECE}"), Cancel(1))

        piece = await wire.next()

    assert isinstance(piece, Piece)
    assert piece.stream == 2


async def test_a_name_that_leads_elsewhere_ends_the_connection(hub: Hub) -> None:
    departures: list[Departure] = []
    hub.on_loss.append(departures.append)
    async with worker_by_hand(hub) as (wire, spool):
        outside = spool.parent / NAME[3:]
        outside.write_bytes(DATA)
        hub.links["hand-1"].submit(1, ChatRequest(id="r", endpoint=None))

        wire.send(chunk(1, Stored("image/png", len(DATA), STORED.sha256, f"../{outside.name}")))

        await until(lambda: bool(departures))
    assert (departures[0].reason, outside.exists()) == ("protocol", True)


async def test_pieces_without_credit_end_the_connection(hub: Hub) -> None:
    departures: list[Departure] = []
    hub.on_loss.append(departures.append)
    async with worker_by_hand(hub) as (wire, _):
        stream = hub.links["hand-1"].submit(1, ChatRequest(id="r", endpoint=None))

        wire.send(Piece(1, b"a"), Piece(1, b"b"))

        await until(lambda: bool(departures))
        stream.close()
    assert departures[0].reason == "protocol"


async def test_pieces_without_end_end_the_connection(hub: Hub) -> None:
    departures: list[Departure] = []
    hub.on_loss.append(departures.append)
    async with worker_by_hand(hub) as (wire, _):
        stream = hub.links["hand-1"].submit(1, ChatRequest(id="r", endpoint=None))
        await wire.next()
        for _ in range(MAX_BLOB // PIECE):
            wire.send(Piece(1, bytes(PIECE)))
            assert await wire.next() == Credit(1, PIECE)

        wire.send(Piece(1, b"!"))

        await until(lambda: bool(departures))
        stream.close()
    assert departures[0].reason == "protocol"


async def test_a_stored_piece_gives_its_credit_back(hub: Hub) -> None:
    async with worker_by_hand(hub) as (wire, _):
        stream = hub.links["hand-1"].submit(1, ChatRequest(id="r", endpoint=None))
        await wire.next()

        wire.send(Piece(1, bytes(7)))

        assert await wire.next() == Credit(1, 7)
        stream.close()


async def test_a_blob_gives_its_credit_back_when_it_is_read(hub: Hub) -> None:
    async with worker_by_hand(hub) as (wire, spool):
        stream = hub.links["hand-1"].submit(1, ChatRequest(id="r", endpoint=None))
        await wire.next()
        (spool / NAME).write_bytes(DATA)
        wire.send(chunk(1, STORED))

        assert await stream.next() == Blob("image/png", DATA)

        assert await wire.next() == Credit(1, len(DATA))
    assert len(DATA) > WINDOW


@pytest.mark.parametrize("content", [None, DATA[1:], DATA + b"!", bytes(len(DATA))])
async def test_a_file_that_is_not_what_was_announced_is_lost_alone(hub: Hub, content: bytes | None) -> None:
    async with worker_by_hand(hub) as (wire, spool):
        link = hub.links["hand-1"]
        stream, other = (link.submit(number, ChatRequest(id="r", endpoint=None)) for number in (1, 2))
        if content is not None:
            (spool / NAME).write_bytes(content)

        wire.send(chunk(1, STORED), chunk(2, Delta("on")))

        with pytest.raises(BlobLostError):
            await stream.next()
        assert await other.next() == Delta("on")
        stream.close()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits other processes")
async def test_a_worker_that_cannot_write_loses_one_stream_and_leaves_nothing(hub: Hub) -> None:
    orders = msgspec.json.encode(Orders(id="image-1", kind="image", door=hub.door)).decode()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.actors.workers.blob_worker", orders
    )
    await until(lambda: "image-1" in hub.links)
    link = hub.links["image-1"]
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (PIECE, PIECE))
    stream, other = (
        link.submit(number, ChatRequest(id="r", endpoint=None, prompt=prompt))
        for number, prompt in enumerate((f"blob:{2 * PIECE}", "say:on"))
    )

    with pytest.raises(BlobLostError):
        await stream.next()

    assert await other.next() == Delta("on")
    await until(lambda: not sizes(Path(link.shelf.spool)))
    process.kill()
    await process.wait()


async def test_a_link_in_place_of_a_file_is_not_followed(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(DATA)
    async with worker_by_hand(hub) as (wire, spool):
        stream = hub.links["hand-1"].submit(1, ChatRequest(id="r", endpoint=None))
        (spool / NAME).symlink_to(tmp_path / "elsewhere")

        wire.send(chunk(1, STORED))

        with pytest.raises(BlobLostError):
            await stream.next()
        stream.close()


async def test_a_file_for_a_stream_that_nobody_reads_goes_at_once(hub: Hub) -> None:
    async with worker_by_hand(hub) as (wire, spool):
        (spool / NAME).write_bytes(DATA)

        wire.send(chunk(99, STORED))

        await until(lambda: not list(spool.iterdir()))


async def test_what_a_lost_worker_did_not_announce_goes_with_it(hub: Hub) -> None:
    async with worker_by_hand(hub) as (_, spool):
        (spool / NAME).write_bytes(DATA)

    await until(lambda: not spool.exists())


async def test_the_folder_is_for_its_owner_only(hub: Hub) -> None:
    async with worker_by_hand(hub) as (_, spool):
        assert [spool.stat().st_mode & 0o777, spool.parent.stat().st_mode & 0o777] == [0o700, 0o700]
