"""The gateway's sessions and connections: who hears what happens in the world."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from sandbox.faults import Fault, Faults
from sandbox.gateway.connection import Connection
from sandbox.gateway.session import Session, encode
from sandbox.simulator import PRIVILEGED_INTENTS, censor_message, prune_guild_create, serializers
from sandbox.state import LOCAL_PREFIX, MESSAGE_EVENTS
from sandbox.world import World

RESUME_WINDOW_S = 180.0
"""Seconds a session waits for its bot; Discord's window is short and unpublished."""
_REPLAYED = 3


class Hub:
    """Every session, attached or not.

    Attributes:
        approved: privileged intents that the portal has approved.
    """

    def __init__(self, world: World, faults: Faults) -> None:
        self.approved = frozenset(PRIVILEGED_INTENTS)
        self.connections: set[Connection] = set()
        self.sessions: dict[str, Session] = {}
        self._attached: dict[str, Connection] = {}
        self._held: dict[str, bytes] = {}
        self._world = world
        self._faults = faults
        world.subscribe(self.hear)
        faults.on_strike(self.strike_all)

    # Events.

    def hear(self, event: str, payload: Mapping[str, Any]) -> None:
        """Send an event of the world to every session that wants it."""
        if event.startswith(LOCAL_PREFIX) or not self.sessions:
            return
        whole: bytes | None = None
        for session in tuple(self.sessions.values()):
            if not session.wants(event, payload):
                continue
            shaped = self._shape(event, payload, session)
            if shaped is payload:
                whole = whole or encode(payload)
            self._deliver(session, event, whole if shaped is payload and whole else encode(shaped))

    def _shape(self, event: str, payload: Mapping[str, Any], session: Session) -> Mapping[str, Any]:
        """Cut an event to what the session may see; returns the same object when nothing is cut."""
        state, bot_id = self._world.state, self._world.bot_id
        if event in MESSAGE_EVENTS and not session.intents.message_content:
            shaped = deepcopy(dict(payload))
            censor_message(shaped, bot_id, backend=state)
            return shaped
        if event == "GUILD_CREATE":
            shaped = dict(payload)
            prune_guild_create(shaped, session.intents, bot_id)
            return shaped
        return payload

    def _deliver(self, session: Session, event: str, body: bytes) -> None:
        fault = self._faults.gateway(event)
        if fault is not None and fault.kind == "unknown_field":
            body = b'{"sandbox_unknown":{"x":[1]},' + body[1:] if body != b"{}" else body
        connection = self._attached.get(session.id)
        if fault is not None and fault.kind == "unknown_event":
            self._to(connection, session.frame("SANDBOX_NEVER_HEARD_OF", b'{"x":1}'))
        frame = session.frame(event, body)
        held = self._held.pop(session.id, None)
        if fault is not None and fault.kind == "reorder" and held is None:
            self._held[session.id] = frame
            return
        if fault is None or fault.kind != "drop":
            self._to(connection, frame)
        self._to(connection, held)
        if fault is not None and connection is not None:
            self._strike_at_event(connection, session, fault, frame)

    def _to(self, connection: Connection | None, frame: bytes | None) -> None:
        if connection is not None and frame is not None:
            connection.send(frame)

    # Faults.

    def _strike_at_event(self, connection: Connection, session: Session, fault: Fault, frame: bytes) -> None:
        if fault.kind == "duplicate":
            connection.send(frame)
        elif fault.kind == "replay":
            for again in session.latest(_REPLAYED):
                connection.send(again)
        else:
            self.strike(connection, fault)

    def strike_all(self, fault: Fault) -> None:
        """Carry out a fault on every connection, now."""
        for connection in tuple(self.connections):
            self.strike(connection, fault)

    def strike(self, connection: Connection, fault: Fault) -> None:
        """Carry out a fault that concerns the connection as a whole."""
        match fault.kind:
            case "reconnect":
                connection.send_op(7)
            case "invalid_session":
                self.forget(connection)
                connection.send_op(9, False)  # noqa: FBT003 - the payload of op 9
            case "invalid_session_resumable":
                connection.send_op(9, True)  # noqa: FBT003 - the payload of op 9
            case "close":
                connection.close(fault.code)
            case "tcp_reset":
                connection.break_off()
            case "half_open":
                connection.silent = True
            case "no_ack":
                connection.acknowledges = False
            case _:
                return

    # Sessions.

    def open(self, connection: Connection, intents: int, shard: tuple[int, int], url: str) -> Session:
        """Start a session, send READY and the guilds."""
        session = Session(secrets.token_hex(16), intents, shard)
        self.sessions[session.id] = session
        self._attach(connection, session)
        guilds = [g for g in self._world.state.guilds.values() if (g.id >> 22) % shard[1] == shard[0]]
        ready = {
            "v": 10,
            "user": serializers.user_payload(self._world.state.bot_user),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": url,
            "shard": list(shard),
            "private_channels": [],
            "relationships": [],
            "application": {"id": str(self._world.application_id), "flags": 0},
        }
        connection.send(session.frame("READY", encode(ready)))
        for guild in guilds if session.intents.guilds else ():
            payload = serializers.guild_create_payload(self._world.state, guild)
            connection.send(
                session.frame("GUILD_CREATE", encode(self._shape("GUILD_CREATE", payload, session)))
            )
        return session

    def resume(self, connection: Connection, session_id: str, seq: int) -> bool:
        """Attach a session again and send what was missed; False when that is not possible."""
        session = self.sessions.get(session_id)
        frames = session.since(seq) if session is not None else None
        if session is None or frames is None:
            return False
        self._attach(connection, session)
        for frame in frames:
            connection.send(frame)
        connection.send(session.frame("RESUMED", b"{}"))
        return True

    def _attach(self, connection: Connection, session: Session) -> None:
        before = self._attached.get(session.id)
        if before is not None and before is not connection:
            before.session = None
            before.close(4000)
        connection.session = session
        session.left_at = None
        self._attached[session.id] = connection

    def detach(self, connection: Connection) -> None:
        """Note that a socket has gone; its session waits for a resume."""
        self.connections.discard(connection)
        session = connection.session
        if session is not None and self._attached.get(session.id) is connection:
            del self._attached[session.id]
            session.left_at = time.monotonic()

    def forget(self, connection: Connection) -> None:
        """End the session of a connection; it cannot be resumed."""
        session, connection.session = connection.session, None
        if session is not None:
            self.sessions.pop(session.id, None)
            self._attached.pop(session.id, None)
            self._held.pop(session.id, None)

    def expire(self) -> None:
        """End the sessions whose bot did not come back in time."""
        now = time.monotonic()
        for session in tuple(self.sessions.values()):
            if session.left_at is not None and now - session.left_at > RESUME_WINDOW_S:
                del self.sessions[session.id]
                self._held.pop(session.id, None)

    async def close(self) -> None:
        """Close every connection as Discord does when a server goes away."""
        for connection in tuple(self.connections):
            connection.close(1001)
        await asyncio.sleep(0)
