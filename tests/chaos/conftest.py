from collections.abc import AsyncIterator

import pytest

from tests.chaos.rig import Chaos


@pytest.fixture
async def chaos(database_dsn: str) -> AsyncIterator[Chaos]:
    """A Discord, a model and a database that outlive the stage."""
    async with Chaos(database_dsn) as rig:
        yield rig
