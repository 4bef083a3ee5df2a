"""What the ledger of deliveries hears of a stream, and what a stream does that it cannot tell it."""

import asyncio

import pytest

from bot.delivery.errors import NotRecordedError
from bot.delivery.stream import Stream
from storage.errors import StorageError, StorageUnavailableError
from tests.bot.delivery.paper import FIRST_ID, PaperLedger
from tests.bot.delivery.scene import STORY, Scene, grow, told

pytestmark = pytest.mark.unit


def test_the_ledger_hears_every_step_in_order() -> None:
    scene = Scene()
    scene.run(lambda stream: told(stream, "Once upon a time.", 0.1))
    assert scene.ledger.written == [
        ("plan", 0, ""),
        ("posting", 0, 77),
        ("posted", 0, FIRST_ID + 1),
        ("checkpoint", 0, "O"),
        ("checkpoint", 0, "Once upon a time."),
        ("final", 0, "Once upon a time."),
    ]


def test_the_intention_is_written_while_the_model_thinks() -> None:
    async def play(stream: Stream) -> object:
        await asyncio.sleep(1)
        written = list(scene.ledger.written)
        await stream.finish("Well.")
        return written

    scene = Scene()
    scene.ledger.slow_s = 0.1
    assert scene.run(play) == [("plan", 0, ""), ("posting", 0, 77)]


def test_the_checkpoint_is_at_most_a_second_behind() -> None:
    scene = Scene()
    lags = []

    async def play(stream: Stream) -> None:
        for end in range(1, len(STORY)):
            stream.show(STORY[:end])
            await asyncio.sleep(0.05)
            visible = scene.mouth.visible[-1:]
            kept = [value for _, _, value in scene.ledger.steps("checkpoint")][-1:]
            lags.append(visible != kept)
        await stream.finish(STORY)

    scene.ledger.slow_s = 0.2
    scene.run(play)
    longest = max(len(run) for run in "".join("x" if lag else " " for lag in lags[20:]).split())
    assert longest * 0.05 <= 1.0


@pytest.mark.parametrize("error", [StorageUnavailableError(), TimeoutError()])
def test_a_ledger_that_fails_in_mid_stream_loses_no_word(error: Exception) -> None:
    async def play(stream: Stream) -> object:
        stream.show(STORY[:10])
        await asyncio.sleep(1)
        scene.ledger.error = error
        return await told(stream, STORY)

    scene = Scene()
    scene.run(play)
    assert scene.mouth.visible == [STORY.strip()]


def back_after(ledger: PaperLedger, seconds: float) -> None:
    """Let a ledger be away for a while from now on."""
    ledger.error = StorageUnavailableError()
    asyncio.get_running_loop().call_later(seconds, setattr, ledger, "error", None)


def test_nothing_is_posted_before_the_ledger_knows_that_it_comes() -> None:
    async def play(stream: Stream) -> object:
        back_after(scene.ledger, 60.0)
        return await told(stream, STORY)

    scene = Scene()
    scene.run(play)
    assert scene.mouth.said[0][0] >= 60.0
    assert scene.mouth.visible == [STORY.strip()]


def test_a_further_message_waits_for_the_ledger_too() -> None:
    async def play(stream: Stream) -> object:
        stream.show(STORY[:60])
        await asyncio.sleep(1)
        back_after(scene.ledger, 30.0)
        return await told(stream, STORY)

    scene = Scene(limit=100)
    scene.run(play)
    posts = [time for time, act, _, _ in scene.mouth.said if act == "post"]
    assert posts[0] < 1.0
    assert posts[1] >= 31.0
    assert " ".join(scene.mouth.visible) == STORY.strip()


def test_a_message_that_is_not_wanted_any_more_once_the_ledger_is_back_is_not_posted() -> None:
    async def play(stream: Stream) -> object:
        stream.show(STORY[:60])
        await asyncio.sleep(1)
        back_after(scene.ledger, 30.0)
        await grow(stream, STORY)
        return await stream.finish("Once.")

    scene = Scene(limit=100)
    scene.run(play)
    assert scene.mouth.visible == ["Once."]
    assert scene.mouth.acts.count("post") == 1


def test_a_ledger_that_refuses_for_good_lets_nothing_be_posted() -> None:
    async def play(stream: Stream) -> object:
        with pytest.raises(NotRecordedError):
            await stream.finish("Done.")
        return stream.is_unrecorded

    scene = Scene()
    scene.ledger.error = StorageError()
    assert scene.run(play) is True
    assert scene.mouth.said == []
