from collections.abc import Callable, Iterator

import pytest

from tests.browser_fixtures import browser, chromium_path, open_page
from tests.conftest import open_folder
from tests.story.program import Neighbour, Program

__all__ = ("browser", "chromium_path", "open_page")

StartProgram = Callable[..., Program]


@pytest.fixture(scope="module")
def start_program() -> Iterator[StartProgram]:
    """Start programs that live until the module's last test, each in a folder of its own."""
    started: list[Program] = []

    with open_folder() as folder:

        def start(**settings: str) -> Program:
            program = Program(folder / str(len(started)), settings)
            started.append(program)
            program.start()
            return program

        yield start
        for program in started:
            program.close()


@pytest.fixture(scope="module")
def model_server() -> Iterator[Neighbour]:
    """A scripted OpenAI-compatible server."""
    server = Neighbour("tests.scripted_model", "--text", "Good evening, dear audience.", "--rate", "20")
    yield server
    server.close()
