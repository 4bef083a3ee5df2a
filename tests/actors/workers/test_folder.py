"""Folders that go with their process, however it ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from actors.workers.folder import OwnFolder

pytestmark = pytest.mark.service

DIE = (
    "import os; from actors.workers.folder import OwnFolder; print(OwnFolder().path, flush=True); os._exit(1)"
)


@pytest.fixture
def folder() -> OwnFolder:
    return OwnFolder()


def test_it_is_gone_when_it_is_removed(folder: OwnFolder) -> None:
    (folder.path / "file").touch()

    folder.remove()

    assert not folder.path.exists()


def test_that_of_a_killed_process_goes_at_the_next_start(folder: OwnFolder) -> None:
    died = subprocess.run([sys.executable, "-c", DIE], stdout=subprocess.PIPE, text=True, check=False)
    left = Path(died.stdout.strip())
    (left / "file").touch()

    folder.remove_leftovers()

    assert not left.exists()
    folder.remove()


def test_that_of_a_living_process_stays(folder: OwnFolder) -> None:
    other = OwnFolder()

    other.remove_leftovers()

    assert folder.path.exists()
    other.remove()
    folder.remove()
