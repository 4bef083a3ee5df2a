"""What runs beside the stage is killed: it comes back, and the tree tells."""

import json
import os
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from storage.embedded.processes import postmaster_of
from tests.story.conftest import StartProgram
from tests.story.program import Neighbour, Program, wait_for
from tests.story.test_operators import troupe

pytestmark = [pytest.mark.service, pytest.mark.timeout(240)]

BACK_S = 60.0


@pytest.fixture
def program(start_program: StartProgram, model_server: Neighbour) -> Program:
    return start_program(LLM_BASE_URL=str(model_server.address["base_url"]), TROUPE_WORKER_HOST="none")


def data_of(program: Program) -> Path:
    return program.home / "data" / "postgres" / "data"


def kill_postgres(program: Program) -> None:
    postmaster = postmaster_of(data_of(program))
    assert postmaster is not None
    postmaster.kill()


def kill_local_discord(program: Program) -> None:
    [process] = [one for one in program.processes() if "sandbox" in one.cmdline()]
    os.kill(process.pid, signal.SIGKILL)


def children(program: Program) -> dict[str, dict[str, Any]]:
    """Return what the tree tells of the children of the root."""
    code, words = troupe(program, "tree", "--json")
    assert code == 0, words
    return {node["name"]: node for node in json.loads(words)["children"]}


def wait_for_restart(program: Program, name: str) -> None:
    def is_back() -> bool:
        node = children(program)[name]
        return (node["state"], node["restarts"]) == ("up", 1)

    wait_for(is_back, BACK_S, f"{name} is up again")


def test_what_is_killed_comes_back_and_the_tree_shows_it(program: Program) -> None:
    before = children(program)
    kill_postgres(program)
    kill_local_discord(program)

    wait_for_restart(program, "postgres")
    wait_for_restart(program, "local discord")
    with urllib.request.urlopen(program.url) as page:  # noqa: S310 - our own address
        status = page.status
    program.press_ctrl_c()

    assert {"postgres", "local discord", "storage", "workers", "channels", "discord"} <= before.keys()
    assert before["postgres"]["restarts"] == 0
    assert status == 200
    assert (program.exit_code, program.processes()) == (0, [])
