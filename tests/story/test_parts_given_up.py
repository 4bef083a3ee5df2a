"""What never comes back is given up after ten restarts, which takes a minute, and the program says why."""

import pytest

from tests.story.program import Program, wait_for
from tests.story.test_parts_that_die import (
    data_of,
    kill_postgres,
    program,  # noqa: F401 - a fixture
)

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

GIVEN_UP_S = 200.0
"""Ten restarts, each after at most 10 s, and the stop."""
EXIT_SOFTWARE = 70


def test_a_postgres_that_can_never_start_again_ends_the_program_and_says_why(
    program: Program,  # noqa: F811 - the fixture
) -> None:
    kill_postgres(program)
    data_of(program).rename(data_of(program).with_name("moved-away"))

    code = wait_for(lambda: program.exit_code, GIVEN_UP_S, "the end of the program")

    assert code == EXIT_SOFTWARE
    assert "Troupe gives up: 'postgres' failed" in program.log
    assert "went away while they were in use" in program.log
    assert program.processes() == []
