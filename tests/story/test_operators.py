"""What an operator sees of a running Troupe, and what they can do about what failed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from config.settings import ENVIRONMENT
from tests.scripted_model import Reply, refuse
from tests.story.conftest import StartProgram
from tests.story.program import ROOT, Neighbour, Program
from tests.story.visitor import Visitor, visit

pytestmark = [pytest.mark.service, pytest.mark.timeout(90)]


@pytest.fixture(scope="module")
def program(start_program: StartProgram, model_server: Neighbour) -> Program:
    program = start_program(
        LLM_BASE_URL=str(model_server.address["base_url"]),
        TROUPE_WORKER_HOST="processes",
        TROUPE_TURN_DEADLINE_S="20",
    )
    program.wait_for_log('"worker_joined"')
    return program


@pytest.fixture
async def ada(program: Program) -> AsyncIterator[Visitor]:
    async with visit(program.url) as visitor:
        visitor.channel = "backstage"
        yield visitor


def troupe(program: Program, *arguments: str) -> tuple[int, str]:
    """Run a command beside the running program, as its operator does; return the exit code and the words."""
    known = set(ENVIRONMENT.values())
    environment = {name: value for name, value in os.environ.items() if name not in known}
    environment |= {"TROUPE_DATA_DIR": str(program.home / "data"), "TROUPE_HTTP": program.http}
    done = subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, (done.stdout or done.stderr).decode()


async def becomes(server: Neighbour, *replies: Reply) -> None:
    """Say what the model server does next."""
    url = str(server.address["base_url"]).removesuffix("/v1") + "/scripted/replies"
    async with aiohttp.ClientSession() as session:
        (await session.put(url, data=msgspec.json.encode(replies))).raise_for_status()


def named(node: dict[str, Any], beginning: str) -> list[dict[str, Any]]:
    """Return the nodes of a tree whose names begin so."""
    below = [found for child in node["children"] for found in named(child, beginning)]
    return [node, *below] if node["name"].startswith(beginning) else below


async def test_the_tree_shows_who_speaks(ada: Visitor, program: Program, model_server: Neighbour) -> None:
    await becomes(model_server, Reply(text="slow " * 60, rate=15))
    said = await ada.say("@Hush tell me slowly")
    await ada.hears("Hush", "slow", after=said)
    code, words = troupe(program, "tree", "--json")
    tree = json.loads(words)
    assert code == 0
    assert tree["name"] == "stage"
    assert {"postgres", "storage", "workers", "channels", "jobs", "discord"} <= {
        node["name"] for node in tree["children"]
    }
    assert any("speaks" in (node["work"] or "") for node in named(tree, "Hush"))


def test_the_tree_of_nobody_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Program(tmp_path_factory.mktemp("other"), {})
    code, words = troupe(other, "tree")
    assert (code, "troupe run" in words) == (1, True)


def test_a_signal_shows_the_tree_and_every_stack_and_stops_nothing(program: Program) -> None:
    stage = next(one for one in program.processes() if one.cmdline()[-1] == "run")
    for count in (1, 2):
        stage.send_signal(signal.SIGUSR1)
        program.wait_for_log("=== troupe", count=count)
    assert "(child discord)" in program.log
    assert "in run" in program.log
    assert program.exit_code is None


async def test_what_failed_for_good_is_spoken_when_it_is_tried_again(
    ada: Visitor, program: Program, model_server: Neighbour
) -> None:
    await becomes(model_server, refuse(500))
    said = await ada.say("@Hush who are you?")
    notice = await ada.hears("Hush", "ref:", after=said)
    ref = notice.text.rpartition("ref: ")[2].strip()
    _, listed = troupe(program, "dlq", "list")
    assert ref in listed
    await becomes(model_server, Reply(text="I am the one who forgets."))
    code, words = troupe(program, "dlq", "retry", ref)
    assert code == 0, words
    answer = await ada.hears("Hush", "the one who forgets", after=said)
    assert answer.id == notice.id
    assert troupe(program, "dlq", "retry", ref)[0] == 1
    assert json.loads(troupe(program, "dlq", "list", "--json")[1]) == {"letters": []}


def test_an_unknown_letter_is_said_to_be_unknown(program: Program) -> None:
    code, words = troupe(program, "dlq", "drop", "nonsense")
    assert (code, words.strip()) == (1, "troupe: There is no dead letter nonsense.")
