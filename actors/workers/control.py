"""What the stage and a driver tell each other, as JSON lines on the driver's standard input and output.

A driver is a process that hosts workers and does nothing else. It ends, with all it has started, when its
standard input closes.
"""

import msgspec

from actors.workers.errors import ProtocolError
from actors.workers.orders import Orders


class Create(msgspec.Struct, frozen=True, tag="create"):
    """Start a worker."""

    orders: Orders


class Kill(msgspec.Struct, frozen=True, tag="kill"):
    """End a worker for good, also one that hangs. `pid` is given when it runs on this host."""

    id: str
    pid: int | None = None


class List(msgspec.Struct, frozen=True, tag="list"):
    """Ask which workers there are."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The driver can create workers now."""


class Died(msgspec.Struct, frozen=True, tag="died"):
    """A worker ended, whatever the cause."""

    id: str
    reason: str


class Listing(msgspec.Struct, frozen=True, tag="listing"):
    """The workers that the driver believes alive."""

    ids: tuple[str, ...]


Command = Create | Kill | List
Report = Ready | Died | Listing

_commands: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_reports: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)
_encoder = msgspec.json.Encoder()


def to_line(message: Command | Report) -> bytes:
    """Return a message as one line."""
    return _encoder.encode(message) + b"\n"


def read_command(line: bytes) -> Command:
    """Return what the stage wants.

    Raises:
        ProtocolError: the line is not a command.
    """
    try:
        return _commands.decode(line)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ProtocolError(f"Not a command: {error}") from error


def read_report(line: bytes) -> Report:
    """Return what the driver says.

    Raises:
        ProtocolError: the line is not a report.
    """
    try:
        return _reports.decode(line)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ProtocolError(f"Not a report: {error}") from error
