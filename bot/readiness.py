"""How each part is right now, for `/readyz`."""

import asyncio
import time

from actors.models.active import ActiveModel
from actors.workers.service import LlmService
from bot.gateway import Gateway
from bot.operators import Health
from config import metrics
from storage.database import Database

LOOK_S = 1.0


class Readiness:
    """Looks at the parts once a second, so that answering costs nothing; measures the loop's lag too."""

    def __init__(self, database: Database, gateway: Gateway, service: LlmService, model: ActiveModel) -> None:
        self._database = database
        self._gateway = gateway
        self._service = service
        self._model = model

    def parts(self) -> list[Health]:
        """Return the state of every part that answering a message needs."""
        use, workers = self._model.describe(), self._service.status()
        stored = self._database.answers
        return [
            Health("storage", ok=stored, mend="" if stored else "see `troupe doctor`"),
            Health("discord", ok=self._gateway.is_ready, detail=f"{self._gateway.incarnations} connections"),
            Health("model", ok=use.problem is None, detail=use.problem or use.standing),
            Health("workers", ok=True, detail=f"{len(workers.workers)} connected, host {workers.host_state}"),
        ]

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            due = time.monotonic() + LOOK_S
            await asyncio.sleep(LOOK_S)
            metrics.loop_lag.observe(max(0.0, time.monotonic() - due))
            await self._database.ping()
