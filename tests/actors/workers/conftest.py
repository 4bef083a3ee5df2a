from collections.abc import AsyncIterator

import pytest

from actors.workers.hub import Hub
from tests.actors.workers.rig import open_hub


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with open_hub() as made:
        yield made
