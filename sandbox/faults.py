"""Faults by script: what shall go wrong, on which route or event, how often, with a seed.

Pure: it only decides. `sandbox.rest` and `sandbox.gateway` do the damage.
"""

import random
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Literal, get_args

import msgspec

RestKind = Literal[
    "rate_bucket",  # 429 of the route's bucket, Remaining 0
    "rate_hidden",  # 429 although the headers say that requests remain
    "rate_global",  # 429, scope global
    "rate_shared",  # 429, scope shared
    "cloudflare",  # 429 as HTML without Via: a ban by Cloudflare
    "status",  # `status` before anything happened
    "status_after",  # `status` although it happened
    "reset",  # the connection breaks before anything happened
    "reset_after",  # it happened; the connection breaks in the middle of the answer
    "hang",  # nothing happens and no answer comes for `seconds`, then the connection breaks
    "hang_after",  # it happened, no answer comes for `seconds`, then the connection breaks
    "slow",  # it happens `seconds` later
    "slow_body",  # the answer's body takes `seconds`
]
GatewayKind = Literal[
    "reconnect",  # op 7
    "invalid_session",  # op 9, resumable false
    "invalid_session_resumable",  # op 9, resumable true
    "close",  # close frame with `code`
    "tcp_reset",  # the connection breaks without a close frame
    "half_open",  # the server falls silent and hears nothing; the connection stays
    "no_ack",  # heartbeats are not acknowledged; events go on
    "drop",  # the event is lost
    "duplicate",  # the event comes twice
    "reorder",  # the event comes after the next one
    "replay",  # earlier events come again after it
    "unknown_event",  # an event nobody knows comes before it
    "unknown_field",  # fields nobody knows are in it
]
REST_KINDS: frozenset[str] = frozenset(get_args(RestKind))
GATEWAY_KINDS: frozenset[str] = frozenset(get_args(GatewayKind))
AFTER_COMMIT = frozenset({"status_after", "reset_after", "hang_after", "slow_body"})


class Fault(msgspec.Struct, kw_only=True):
    """One entry of the script.

    Attributes:
        kind: what goes wrong.
        method: HTTP method, or `*`.
        path: glob on the REST path without `/api/v10`, such as `/webhooks/*/messages/*`.
        event: glob on the gateway event that triggers it; empty does it at once to every connection.
        after: so many matching requests or events pass first.
        times: how often it strikes; None is always.
        probability: chance per match, drawn from the seeded generator.
        status: for `status` and `status_after`.
        code: close code, for `close`.
        seconds: duration, or `retry_after` of a 429.
        id: given by `Faults.add`.
    """

    kind: RestKind | GatewayKind
    method: str = "*"
    path: str = "*"
    event: str = "*"
    after: int = 0
    times: int | None = 1
    probability: float = 1.0
    status: int = 500
    code: int = 4000
    seconds: float = 1.0
    id: int = 0


class Faults:
    """The script, consulted at every request and every gateway event; the first match strikes."""

    def __init__(self, seed: int = 0) -> None:
        self.script: list[Fault] = []
        self.struck: list[tuple[str, str]] = []
        self._random = random.Random(seed)  # noqa: S311 - reproducible faults, not secrets
        self._next_id = 1
        self._at_once: list[Callable[[Fault], None]] = []

    def seed(self, seed: int) -> None:
        """Start the draws for probabilities anew."""
        self._random.seed(seed)

    def add(self, fault: Fault) -> int:
        """Add an entry and return its id; a gateway fault without an event strikes now."""
        fault.id = self._next_id
        self._next_id += 1
        if fault.kind in GATEWAY_KINDS and not fault.event:
            self.struck.append((fault.kind, ""))
            for strike in self._at_once:
                strike(fault)
        else:
            self.script.append(fault)
        return fault.id

    def remove(self, fault_id: int) -> None:
        """Take an entry out; one that is gone already is no error."""
        self.script = [fault for fault in self.script if fault.id != fault_id]

    def clear(self) -> None:
        """Take every entry out."""
        self.script.clear()

    def on_strike(self, strike: Callable[[Fault], None]) -> None:
        """Register who carries out gateway faults that strike at once."""
        self._at_once.append(strike)

    def rest(self, method: str, path: str) -> Fault | None:
        """Return the fault that strikes this request."""
        if not self.script:
            return None
        return self._first(REST_KINDS, path, lambda fault: _fits(fault, method, path))

    def gateway(self, event: str) -> Fault | None:
        """Return the fault that strikes this event."""
        if not self.script:
            return None
        return self._first(GATEWAY_KINDS, event, lambda fault: fnmatchcase(event, fault.event))

    def _first(self, kinds: frozenset[str], where: str, fits: Callable[[Fault], bool]) -> Fault | None:
        for fault in self.script:
            if fault.kind in kinds and fits(fault) and self._strikes(fault):
                self.struck.append((fault.kind, where))
                return fault
        return None

    def _strikes(self, fault: Fault) -> bool:
        if fault.after > 0:
            fault.after -= 1
            return False
        if fault.probability < 1.0 and self._random.random() >= fault.probability:
            return False
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.remove(fault.id)
        return True


def _fits(fault: Fault, method: str, path: str) -> bool:
    return fault.method in {"*", method} and fnmatchcase(path, fault.path)
