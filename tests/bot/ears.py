"""The bot listening: an intake over a real database, and what it told the channels."""

from actors.runtime.errors import OverloadedError
from bot.client import TroupeClient
from bot.intake import LANE_LIMIT, ChannelEvent, Intake
from storage.stores import Stores
from tests.bot.here import Discord, eventually

MAX_AGE_S = 900.0


class _Listening(Intake):
    """An intake that counts how often it has caught up with what was missed."""

    caught_up = 0

    async def on_ready(self, client: TroupeClient) -> None:
        await super().on_ready(client)
        self.caught_up += 1


class Ears:
    """An intake over a database, and what it told the channels.

    Attributes:
        deaf_for: tries in a row that find the mailbox of any channel full.
    """

    def __init__(self, here: Discord, stores: Stores, own_webhooks: set[int], max_age_s: float) -> None:
        self.here, self.stores = here, stores
        self.own_webhooks = own_webhooks
        self.told: list[tuple[int, ChannelEvent]] = []
        self.max_age_s = max_age_s
        self.deaf_for = 0
        self.intake = self.new_intake()

    def new_intake(self, lane_limit: int = LANE_LIMIT) -> _Listening:
        """Return another intake that tells the same channels."""
        is_own = self.own_webhooks.__contains__
        return _Listening(self.stores, self._tell, is_own, self.max_age_s, lane_limit)

    def _tell(self, channel_id: int, event: ChannelEvent) -> None:
        if self.deaf_for:
            self.deaf_for -= 1
            raise OverloadedError
        self.told.append((channel_id, event))

    async def listen(self) -> TroupeClient:
        """Connect a client and wait until what it missed is taken in."""
        client = TroupeClient(self.intake, self.here.register_nothing)
        before = self.intake.caught_up
        await self.here.connect(client)
        await eventually(lambda: self.intake.caught_up > before)
        return client

    async def heard(self, count: int) -> list[ChannelEvent]:
        """Wait until so many events were told."""
        await eventually(lambda: len(self.told) >= count)
        await self.intake.drained()
        return [event for _, event in self.told]
