"""A gateway session: what a bot asked for, and the events it may have to hear again."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import discord
import msgspec

from sandbox.simulator import PRIVILEGED_INTENTS, required_intent

BUFFER = 2000
"""Events kept for a resume; Discord keeps a short, unpublished window."""
ALL_INTENTS = discord.Intents.all().value


class Session:
    """One IDENTIFY and everything sent since.

    Attributes:
        id: the session id of READY.
        seq: the number of the last event.
        left_at: monotonic time at which the last socket went, None while one is attached.
    """

    def __init__(self, session_id: str, intents: int, shard: tuple[int, int]) -> None:
        self.id = session_id
        self.intents = intents_of(intents)
        self.shard = shard
        self.seq = 0
        self.left_at: float | None = None
        self._buffer: deque[tuple[int, bytes]] = deque(maxlen=BUFFER)

    def wants(self, event: str, payload: Mapping[str, Any]) -> bool:
        """Say whether the declared intents and the shard cover an event."""
        gate = required_intent(event, payload)
        if gate is not None and not getattr(self.intents, gate):
            return False
        guild_id = payload.get("guild_id") or (payload.get("id") if event.startswith("GUILD_") else None)
        if guild_id is None:
            return self.shard[0] == 0
        return (int(guild_id) >> 22) % self.shard[1] == self.shard[0]

    def frame(self, event: str, body: bytes) -> bytes:
        """Number an event, remember it for a resume and return its frame."""
        self.seq += 1
        frame = b'{"op":0,"s":%d,"t":"%s","d":%s}' % (self.seq, event.encode(), body)
        self._buffer.append((self.seq, frame))
        return frame

    def since(self, seq: int) -> list[bytes] | None:
        """Return the frames after `seq`, or None when they are no longer all there."""
        if seq > self.seq:
            return None
        frames = [frame for number, frame in self._buffer if number > seq]
        return frames if len(frames) == self.seq - seq else None

    def latest(self, count: int) -> list[bytes]:
        """Return the last frames again, for faults that replay."""
        return [frame for _, frame in list(self._buffer)[-count:]]


def intents_of(value: int) -> discord.Intents:
    """Read the bits of IDENTIFY."""
    intents = discord.Intents.none()
    intents.value = value
    return intents


def undeclared(intents: int, approved: frozenset[str]) -> list[str]:
    """Name the privileged intents that were asked for and never approved in the portal."""
    asked = intents_of(intents)
    return [name for name in PRIVILEGED_INTENTS if getattr(asked, name) and name not in approved]


def encode(payload: Mapping[str, Any]) -> bytes:
    """Serialise an event's payload."""
    return msgspec.json.encode(payload)
