"""A claim for as long as a process runs, also across restarts of the database."""

import asyncio
from typing import Self

from config.logs import get_logger
from storage.claims import Claim
from storage.database import Database
from storage.errors import StorageUnavailableError

log = get_logger(__name__)

PAUSE_S = 0.5


class Tenure:
    """Holds a claim; when the server that kept it is gone, takes it again as soon as it is back."""

    def __init__(self, database: Database, claim: Claim) -> None:
        self._database = database
        self._claim = claim
        self._keeping = asyncio.create_task(self._keep())

    @classmethod
    async def take(cls, database: Database, name: str) -> Self:
        """Take a claim and keep it.

        Raises:
            DatabaseClaimedError: another process holds it; the message says which.
        """
        return cls(database, await database.claim(name))

    async def lost(self) -> None:
        """Wait until another process has taken the claim while the server was away.

        Raises:
            DatabaseClaimedError: that has happened; never returns otherwise.
        """
        await asyncio.shield(self._keeping)

    async def release(self) -> None:
        """Let another process take it; again is harmless."""
        self._keeping.cancel()
        await asyncio.wait({self._keeping})
        await self._claim.release()

    async def _keep(self) -> None:
        while True:
            await self._claim.ended()
            log.warning("claim_interrupted", name=self._claim.name)
            self._claim = await self._again()
            log.info("claim_taken_again", name=self._claim.name)

    async def _again(self) -> Claim:
        while True:
            try:
                return await self._database.claim(self._claim.name)
            except StorageUnavailableError:
                await asyncio.sleep(PAUSE_S)
