"""The embedded Postgres under a supervisor, with a database that stays open meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.postgres import postgres_child
from config.settings import Settings
from storage.database import Database
from storage.embedded import EmbeddedPostgres
from storage.embedded.processes import postmaster_of, processes_of
from storage.errors import EmbeddedServerError
from storage.migrate import migrate
from storage.stores import Stores
from supervision.policy import Backoff, Policy
from supervision.supervisor import Supervisor
from tests.bot.here import eventually

pytestmark = pytest.mark.service

QUICK = Policy(intensity=3, backoff=Backoff(first_s=0.05))


class Kept:
    """A supervised server, and a database on it."""

    def __init__(self, server: EmbeddedPostgres, root: Supervisor, database: Database) -> None:
        self.server, self.root, self.database = server, root, database

    def kill(self) -> None:
        postmaster = postmaster_of(self.server.data)
        assert postmaster is not None
        postmaster.kill()

    @property
    def seen(self) -> tuple[str, int]:
        """State and restarts, as the tree tells them."""
        [node] = self.root.snapshot().children
        return node.state, node.restarts


@pytest.fixture
async def kept(elsewhere: Path) -> AsyncIterator[Kept]:
    settings = Settings(data_dir=str(elsewhere))
    server = EmbeddedPostgres.of(settings)
    root = await Supervisor("root", [postgres_child(server)], QUICK).start()
    database = await Database.open(settings)
    yield Kept(server, root, database)
    await database.close()
    await root.stop()


async def test_killed_it_is_up_again_with_all_rows_and_the_tree_shows_it(kept: Kept) -> None:
    await migrate(kept.database)
    settings = Stores(kept.database).settings
    await settings.set("global", "answer", 42)

    kept.kill()
    await eventually(lambda: kept.seen == ("up", 1))
    await eventually(kept.database.ping)

    assert await settings.get("global", "answer", int) == 42


async def test_a_start_that_fails_is_tried_again(kept: Kept) -> None:
    version = kept.server.data / "PG_VERSION"
    right = version.read_text()
    version.write_text("17\n")

    kept.kill()
    await eventually(lambda: kept.seen[1] >= 2)
    version.write_text(right)

    await eventually(kept.database.ping)


async def test_one_that_can_never_start_again_is_given_up_with_its_reason(kept: Kept) -> None:
    kept.kill()
    data = kept.server.data
    data.rename(data.with_name("elsewhere"))
    error = await kept.root.wait_failed()

    assert isinstance(error.origin, EmbeddedServerError)


async def test_it_stops_last_and_leaves_no_process(kept: Kept) -> None:
    await kept.database.close()
    alive = processes_of(kept.server.data)

    await kept.root.stop()

    assert alive
    assert processes_of(kept.server.data) == []


async def test_a_stop_in_the_middle_of_its_start_leaves_no_process(elsewhere: Path) -> None:
    server = EmbeddedPostgres.of(Settings(data_dir=str(elsewhere)))
    await server.start()
    await server.stop()
    root = await Supervisor("root", [postgres_child(server)], QUICK).start(wait=False)
    await eventually(lambda: postmaster_of(server.data))

    await root.stop()

    assert processes_of(server.data) == []
