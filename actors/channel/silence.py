"""Turns that were planned and will not be spoken, each with its reason; the load's reasons are counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from config import metrics

BURST: Final = "too much at once"
"""More waits for a personality than it may answer."""
USER_RATE: Final = "rate limited"
"""Its author writes faster than the settings allow."""
GUILD_RATE: Final = "server rate limited"
"""The whole server does."""
WAITED: Final = "waited too long"
"""Too many turns are in flight, and nobody called for this one."""
NO_ROOM: Final = "too many wait"
"""Too many turns wait already, and nobody called for this one."""

SHED: Mapping[str, str] = {
    BURST: "burst",
    USER_RATE: "user_rate",
    GUILD_RATE: "guild_rate",
    WAITED: "waited",
    NO_ROOM: "no_room",
}
"""The reasons that load brings about, and their names in the metric `troupe_shed`."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A turn that was accepted and will not be spoken."""

    speaker: UUID
    message_id: int
    reason: str


def count(turn: Dropped) -> None:
    """Count a turn given up under load."""
    if (label := SHED.get(turn.reason)) is not None:
        metrics.shed.labels(label).inc()
