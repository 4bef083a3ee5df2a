"""The same talk with what an operator brings along: models, a database, a Discord, other hosts of workers."""

import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from actors.models.embedded import find_weights
from tests.story.conftest import StartProgram
from tests.story.program import Neighbour, Program
from tests.story.visitor import Visitor, visit

pytestmark = [pytest.mark.service, pytest.mark.timeout(90)]

WORDS = "Good evening, dear audience."


@pytest.fixture
def another_discord() -> Iterator[Neighbour]:
    """A Discord-compatible server that was started on its own."""
    with neighbour("sandbox", "--port", "0") as server:
        yield server


@contextmanager
def neighbour(module: str, *options: str) -> Generator[Neighbour, None, None]:
    server = Neighbour(module, *options)
    yield server
    server.close()


async def talk(ada: Visitor, words: str) -> None:
    """Address a character and reply to what it says."""
    said = await ada.say("@Hush hello")
    answer = await ada.hears("Hush", words, after=said)
    replied = await ada.say("And then?", reply_to=answer.id)
    await ada.hears("Hush", words, after=replied)


def commands_of(program: Program) -> str:
    """The command lines of everything that the program runs."""
    return "\n".join(" ".join(process.cmdline()) for process in program.processes())


async def test_a_model_server_a_database_and_a_discord_of_ones_own(
    start_program: StartProgram, model_server: Neighbour, another_discord: Neighbour, database_dsn: str
) -> None:
    program = start_program(
        LLM_BASE_URL=model_server.address["base_url"],
        DATABASE_URL=database_dsn,
        DISCORD_TOKEN=another_discord.address["token"],
        DISCORD_API_URL=another_discord.address["api"],
        DISCORD_GATEWAY_URL=another_discord.address["gateway"],
        TROUPE_WORKER_HOST="processes",
    )
    program.wait_for_log('"worker_joined"')
    async with visit(another_discord.address["url"]) as ada:
        await talk(ada, WORDS)
    running = commands_of(program)
    program.terminate()
    connection = await asyncpg.connect(database_dsn)
    kept = await connection.fetchval("select count(*) from messages")
    await connection.close()
    assert kept == 4
    assert "actors.workers.process" in running
    assert not any(part in running for part in ("raylet", "bin/postgres", "-m sandbox", "model_child"))


async def test_what_was_written_while_the_bot_was_away_is_answered_and_commands_still_work(
    start_program: StartProgram, model_server: Neighbour, another_discord: Neighbour, database_dsn: str
) -> None:
    program = start_program(
        LLM_BASE_URL=model_server.address["base_url"],
        DATABASE_URL=database_dsn,
        DISCORD_TOKEN=another_discord.address["token"],
        DISCORD_API_URL=another_discord.address["api"],
        TROUPE_WORKER_HOST="none",
    )
    async with visit(another_discord.address["url"]) as ada:
        await talk(ada, WORDS)
        program.terminate()
        said = await ada.say("@Hush are you there?")
        program.start()
        await ada.hears("Hush", WORDS, after=said)
        await ada.use("channel add-personality", personality="Sprocket")
        await ada.sees(lambda message: message.id > said and "is here now" in message.text)
        answers = [seen for seen in ada.messages.values() if seen.author == "Hush" and seen.id > said]
    program.terminate()
    assert len(answers) == 1


async def test_a_model_file_of_ones_own(
    start_program: StartProgram, another_discord: Neighbour, elsewhere: Path
) -> None:
    file = elsewhere / "mine.gguf"
    shutil.copyfile(find_weights(None), file)
    program = start_program(
        LLM_GGUF=str(file),
        DISCORD_TOKEN=another_discord.address["token"],
        DISCORD_API_URL=another_discord.address["api"],
        TROUPE_WORKER_HOST="none",
    )
    async with visit(another_discord.address["url"]) as ada:
        said = await ada.say("@Hush hello")
        await ada.hears("Hush", "", after=said)
    running, log = commands_of(program), program.log
    program.terminate()
    assert str(file) in running
    assert f"Model: {file}" in log
