"""What a worker is told at its birth."""

import msgspec


class Door(msgspec.Struct, frozen=True):
    """How a worker reaches the stage: `unix:PATH`, or `tls:HOST:PORT` with the certificate to trust."""

    address: str
    secret: str
    certificate: str | None = None


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker needs to know; travels as JSON through whatever hosts it.

    Attributes:
        id: unique among all workers of a run, also dead ones.
        kind: `llm` talks to model servers, `embedded` owns a model of its own.
        door: where the stage is.
        gguf: path of the embedded model's file; None takes the one that is installed.
        otlp_endpoint: where to send traces.
        log_level: as in the settings.
        resources: what it takes of a Ray cluster, by name; `CPU`, `GPU` and `memory` are Ray's own.
    """

    id: str
    kind: str
    door: Door
    gguf: str | None = None
    otlp_endpoint: str | None = None
    log_level: str = "info"
    resources: dict[str, float] = {}
