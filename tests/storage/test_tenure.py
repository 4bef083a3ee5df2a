import asyncio

import pytest

from storage.database import Database
from storage.errors import DatabaseClaimedError
from storage.queries import Query
from storage.tenure import Tenure

pytestmark = pytest.mark.service

CUT = Query(
    "cut",
    """select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database
       where l.locktype = 'advisory' and d.datname = current_database()""",
)


async def test_a_claim_that_was_interrupted_is_taken_again(database: Database) -> None:
    tenure = await Tenure.take(database, "stage")
    first = tenure._claim
    await database.fetch(CUT)
    async with asyncio.timeout(10):
        while tenure._claim is first:  # noqa: ASYNC110 - the server sends no event
            await asyncio.sleep(0.01)
    with pytest.raises(DatabaseClaimedError):
        await database.claim("stage")
    await tenure.release()


async def test_a_claim_that_another_process_has_taken_meanwhile_is_lost(database: Database) -> None:
    claim = await database.claim("stage")
    await claim.release()
    other = await database.claim("stage")
    tenure = Tenure(database, claim)
    async with asyncio.timeout(10):
        with pytest.raises(DatabaseClaimedError):
            await tenure.lost()
    await tenure.release()
    await other.release()


async def test_what_is_released_is_free(database: Database) -> None:
    await (await Tenure.take(database, "stage")).release()
    await (await database.claim("stage")).release()
