"""Signals in the middle of answers, with real workers; and the death of a worker in mid-stream."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from chaos.plan import CHARACTERS, Moment
from chaos.rig import Rig
from chaos.script import reply_to
from chaos.stage import STOP_S
from chaos.verdict import Said
from storage.queries import Query
from tests.scripted_model import Reply

pytestmark = pytest.mark.service

SECOND_SIGNAL_S = 0.3
AT_ONCE_S = 2.0
EXIT_FORCED = 130
SHOWN = Query("shown", "select message_id, text from deliveries where message_id = any($1::bigint[])")


def slow(body: Mapping[str, Any]) -> Reply:
    """Answer so slowly that no orderly stop has the time to wait for the end."""
    return replace(reply_to(body), rate=3.0)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Two channels in which three characters live, and workers that run."""
    async with Rig("processes", channels=2) as made:
        await made.move_in()
        await made.stage.workers_joined()
        yield made


async def speak(rig: Rig, *speakers: str) -> Sequence[Said]:
    """Let characters answer slowly, and wait until words have grown."""
    rig.script = slow
    said = [rig.talk.say(number % 2, speaker) for number, speaker in enumerate(speakers)]
    async with asyncio.timeout(STOP_S):
        await rig.board.wait(Moment("edited", 2 * len(speakers)))
    rig.script = reply_to
    return said


@pytest.mark.timeout(120)
async def test_a_stop_while_characters_speak_is_orderly_and_keeps_every_visible_word(rig: Rig) -> None:
    said = await speak(rig, *CHARACTERS)
    code = await rig.stage.terminate(signal.SIGINT)
    visible = {seen.message_id: seen.content for seen in rig.board.messages.values() if not seen.gone}
    kept = {row["message_id"]: row["text"] for row in await rig.database.fetch(SHOWN, list(visible))}
    await rig.restart(said)
    await rig.settled(said)
    assert code == 0
    assert kept == visible
    assert await rig.complaints() == []


@pytest.mark.timeout(120)
async def test_a_second_signal_ends_at_once_and_loses_nothing(rig: Rig) -> None:
    said = await speak(rig, *CHARACTERS)
    rig.stage.signal(signal.SIGTERM)
    await asyncio.sleep(SECOND_SIGNAL_S)
    began = time.monotonic()
    code = await rig.stage.terminate(signal.SIGINT)
    took_s = time.monotonic() - began
    await rig.restart(said)
    await rig.settled(said)
    assert code == EXIT_FORCED
    assert took_s <= AT_ONCE_S
    assert await rig.complaints() == []


@pytest.mark.timeout(120)
async def test_a_worker_that_dies_while_it_speaks_is_noticed_by_nobody(rig: Rig) -> None:
    said = await speak(rig, CHARACTERS[0])
    cut_off = await rig.kill_worker()
    await rig.settled(said)
    assert cut_off
    assert rig.stage.is_alive
    assert await rig.complaints() == []
