"""Fixtures for tests of actors."""

import pytest

from tests.virtual_time import Virtually, run_virtually


@pytest.fixture
def virtually() -> Virtually:
    """Run a coroutine in virtual time: `virtually(story())`."""
    return run_virtually
