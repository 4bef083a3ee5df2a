from collections.abc import AsyncIterator

import pytest

from chaos.rig import Rig


@pytest.fixture
async def rig(database_dsn: str) -> AsyncIterator[Rig]:
    """Four channels, and a stage without workers that is not yet started."""
    async with Rig("none", channels=4, dsn=database_dsn) as made:
        yield made
