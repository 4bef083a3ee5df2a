"""What people and model servers do wrong: a word in character or a finished partial, never silence."""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import psutil
import pytest

from bot.starter.company import read_company
from tests.scripted_model import Fault, Reply, html, refuse, words
from tests.story.conftest import StartProgram
from tests.story.program import Neighbour, Program
from tests.story.visitor import Visitor, visit

pytestmark = [pytest.mark.service, pytest.mark.timeout(90)]

HUSH = next(person for person in read_company() if person.slug == "hush")
WELL = "All is well again."
DEADLINE_S = 6.0
ROOMS = itertools.cycle(["stage", "backstage"])
"""In turns: a channel takes 30 webhook messages in a minute, and no more."""
RESTING = "My model is resting after repeated failures"
"""What is said instead of a cause once the cases before have failed often enough."""
RESTED_S = 40.0
REFERENCE = re.compile(r"· ref: [0-9a-f]{6}$")


class Script:
    """What the model server does next."""

    def __init__(self, server: Neighbour) -> None:
        self._url = str(server.address["base_url"]).removesuffix("/v1") + "/scripted/replies"

    async def becomes(self, *replies: Reply) -> None:
        async with aiohttp.ClientSession() as session:
            answer = await session.put(self._url, data=msgspec.json.encode(replies))
            answer.raise_for_status()


@pytest.fixture(scope="module")
def program(start_program: StartProgram, model_server: Neighbour) -> Program:
    """One program for all that goes wrong; it has to outlive it."""
    program = start_program(
        LLM_BASE_URL=str(model_server.address["base_url"]),
        TROUPE_WORKER_HOST="processes",
        TROUPE_TURN_DEADLINE_S=str(DEADLINE_S),
    )
    program.wait_for_log('"worker_joined"')
    return program


@pytest.fixture
async def ada(program: Program) -> AsyncIterator[Visitor]:
    """A person; afterwards the program must be alive, and have written of no crash."""
    before = len(program.log)
    async with visit(program.url) as visitor:
        visitor.channel = next(ROOMS)
        yield visitor
    assert program.exit_code is None
    assert "Traceback" not in program.log[before:], program.log[before:]


@pytest.fixture
def script(model_server: Neighbour) -> Script:
    return Script(model_server)


async def all_is_well(ada: Visitor, script: Script) -> None:
    """Whatever happened before, the next message is answered; after many failures as soon as it is told."""
    await script.becomes(Reply(text=WELL))
    deadline = time.monotonic() + RESTED_S
    while True:
        said = await ada.say("@Hush are you still there?")
        answer = await ada.hears("Hush", "", after=said)
        if RESTING not in answer.text or time.monotonic() > deadline:
            break
        await asyncio.sleep(1.0)
    await ada.hears("Hush", WELL, after=said)


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        pytest.param(html(), "made no sense", id="html"),
        pytest.param(html(502), "does not answer right now", id="502 with html"),
        pytest.param(refuse(401), "/model", id="401"),
        pytest.param(refuse(402), "credit", id="402"),
        pytest.param(refuse(404), "does not know the model", id="404"),
        pytest.param(refuse(429, retry_after="1"), "asked too much", id="429"),
        pytest.param(refuse(500), "does not answer right now", id="500"),
        pytest.param(Reply(text=""), "nothing to say", id="an empty answer"),
        pytest.param(Reply(fault="hang-before-headers"), "too long", id="hangs"),
        pytest.param(Reply(fault="break-mid-stream", fault_after=0), "thread", id="breaks at once"),
    ],
)
async def test_a_model_server_that_fails_is_explained_in_character(
    ada: Visitor, script: Script, reply: Reply, cause: str
) -> None:
    await script.becomes(reply)
    said = await ada.say("@Hush who are you?")
    notice = await ada.hears("Hush", "ref:", after=said)
    assert notice.text.startswith(HUSH.error_message.strip())
    assert cause in notice.text or RESTING in notice.text
    assert REFERENCE.search(notice.text)
    await all_is_well(ada, script)


@pytest.mark.parametrize("fault", ["break-mid-stream", "hang-mid-stream", "error-in-stream"])
async def test_an_answer_that_breaks_off_stays_and_says_so(
    ada: Visitor, script: Script, fault: Fault
) -> None:
    begun = "I had one line in my life and"
    await script.becomes(Reply(text=f"{begun} it was lovely.", fault=fault, fault_after=8, rate=20))
    said = await ada.say("@Hush what was your line?")
    partial = await ada.hears("Hush", "broken off", after=said)
    assert partial.text.startswith(begun)
    assert REFERENCE.search(partial.text)
    await all_is_well(ada, script)


async def test_a_server_that_wants_us_to_wait_is_asked_again_and_the_answer_comes(
    ada: Visitor, script: Script
) -> None:
    await script.becomes(refuse(429, retry_after="1"), Reply(text="Patience is a long second act."))
    started = time.monotonic()
    said = await ada.say("@Hush can you wait?")
    await ada.hears("Hush", "Patience is a long second act.", after=said)
    assert time.monotonic() - started >= 1.0


async def test_four_thousand_characters_are_answered(ada: Visitor, script: Script) -> None:
    await script.becomes(Reply(text="That was long."))
    said = await ada.say("@Hush " + "x" * 3994)
    await ada.hears("Hush", "That was long.", after=said)


async def test_an_answer_of_four_thousand_characters_goes_on_in_further_messages(
    ada: Visitor, script: Script
) -> None:
    long = " ".join(f"{number} candles burn." for number in range(240))
    await script.becomes(Reply(text=long, rate=2000))
    said = await ada.say("@Hush tell me everything")
    last = await ada.hears("Hush", long[-30:], after=said)
    parts = [seen.text for seen in ada.messages.values() if said < seen.id <= last.id]
    assert len(long) > 2000
    assert len(parts) > 1
    assert max(map(len, parts)) <= 2000
    assert " ".join(parts).split() == long.split()


async def test_a_name_alone_is_answered(ada: Visitor, script: Script) -> None:
    await script.becomes(Reply(text="You called?"))
    said = await ada.say("@Hush")
    await ada.hears("Hush", "You called?", after=said)


async def test_a_name_that_nobody_has_breaks_nothing(ada: Visitor, script: Script) -> None:
    await ada.say("@Nobody @ @@ <@123> @everyone")
    await all_is_well(ada, script)


async def test_a_character_deleted_in_mid_turn_leaves_its_words_and_says_that_it_has_left(
    ada: Visitor, script: Script
) -> None:
    form = await ada.use("character create")
    await ada.fill(form, name="Mab", who_they_are="The queen of small dreams.")
    await ada.sees(lambda message: "brings Mab in" in message.text)
    await ada.use("channel add-personality", personality="Mab")
    await script.becomes(Reply(text=words(60), rate=10))
    said = await ada.say("@Mab tell me a dream")
    await ada.hears("Mab", "The lamp", after=said)
    form = await ada.use("character delete", character="Mab")
    await ada.fill(form, type_the_name_to_confirm="Mab")
    gone = await ada.hears("Mab", "has left the conversation", after=said)
    assert gone.text.startswith("The lamp")
    await all_is_well(ada, script)


async def test_a_worker_that_is_killed_in_mid_stream_costs_no_word(
    ada: Visitor, script: Script, program: Program
) -> None:
    await script.becomes(Reply(text=words(50), rate=20))
    said = await ada.say("@Hush go on")
    await ada.hears("Hush", "The lamp", after=said)
    for worker in _workers(program):
        worker.kill()
    await ada.hears("Hush", "".join(words(50)).strip(), after=said)


def _workers(program: Program) -> list[psutil.Process]:
    return [each for each in program.processes() if "actors.workers.process" in " ".join(each.cmdline()[:4])]
