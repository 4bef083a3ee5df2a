"""The scripted model server, where other tests lean on it: its pace, its record, and as a process."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest

from tests.scripted_model import Reply, ScriptedModel, Seen, words

pytestmark = pytest.mark.service


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def ask(session: aiohttp.ClientSession, base_url: str) -> list[tuple[float, bytes]]:
    """Return each event with the time of its arrival."""
    async with session.post(f"{base_url}/chat/completions", json={"messages": []}) as response:
        return [(time.monotonic(), line) async for line in response.content if line.startswith(b"data: {")]


async def test_tokens_come_at_the_scripted_pace(session: aiohttp.ClientSession) -> None:
    async with ScriptedModel(Reply(text=words(21), first_token_s=0.2, rate=100)) as server:
        begun = time.monotonic()
        events = await ask(session, server.base_url)

    first, last = events[0][0] - begun, events[20][0] - begun
    assert 0.2 <= first < 0.3
    assert last - first == pytest.approx(0.2, abs=0.08)


async def test_a_sequence_gives_one_reply_each_and_its_last_for_good(session: aiohttp.ClientSession) -> None:
    async with ScriptedModel([Reply(text="one"), Reply(text="two")]) as server:
        said = [(await ask(session, server.base_url))[0][1] for _ in range(3)]

    assert [word in line for word, line in zip([b"one", b"two", b"two"], said, strict=True)] == [True] * 3


async def test_a_function_answers_by_what_was_asked(session: aiohttp.ClientSession) -> None:
    async with ScriptedModel(lambda body: Reply(text=f"asked with {sorted(body)}")) as server:
        events = await ask(session, server.base_url)

    assert b"asked " in events[0][1]
    assert b"with " in events[1][1]


async def test_it_remembers_what_it_was_asked_and_when(session: aiohttp.ClientSession) -> None:
    async with ScriptedModel(Reply(first_token_s=0.05)) as server:
        await ask(session, server.base_url)
        seen = server.seen[0]

    assert seen.body == {"messages": []}
    assert seen.outcome == "done"
    assert seen.first_token_at is not None
    assert seen.ended_at is not None
    assert seen.at + 0.05 <= seen.first_token_at <= seen.ended_at


async def test_as_a_process_it_says_its_address_and_takes_a_new_script(
    session: aiohttp.ClientSession,
) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.scripted_model",
        "--ttft",
        "0",
        "--rate",
        "0",
        "--text",
        "old words",
    ]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        base_url = msgspec.json.decode(await process.stdout.readline())["base_url"]
        control = base_url.replace("/v1", "/scripted")
        before = await ask(session, base_url)
        async with session.put(f"{control}/replies", data=msgspec.json.encode([Reply(text="new words")])):
            after = await ask(session, base_url)
        async with session.get(f"{control}/seen") as response:
            seen = msgspec.json.decode(await response.read(), type=list[Seen])
    finally:
        process.send_signal(signal.SIGTERM)
        code = await process.wait()

    assert (b"old " in before[0][1], b"new " in after[0][1], len(seen), code) == (True, True, 2, 0)
