from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from bot.oversight import Oversight, StorageView
from storage.database import Database
from supervision.resource import resource_child
from supervision.supervisor import Supervisor

pytestmark = pytest.mark.service


async def test_a_database_that_does_not_answer_is_down_in_the_tree(database: Database) -> None:
    @asynccontextmanager
    async def storage() -> AsyncGenerator[StorageView, None]:
        yield StorageView(database)

    root = await Supervisor("stage", [resource_child("storage", storage)]).start()
    [before] = Oversight(root).snapshot().children

    await database.close()
    await database.ping()
    [after] = Oversight(root).snapshot().children
    await root.stop()

    assert (before.state, after.state) == ("up", "down")


async def test_the_dump_tells_the_tree_and_where_every_task_waits() -> None:
    root = await Supervisor("stage").start()

    words = Oversight(root).dump()
    await root.stop()

    assert "● stage" in words
    assert "test_the_dump_tells" in words
