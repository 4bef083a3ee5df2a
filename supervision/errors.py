"""What supervisors raise and report."""

from config.errors import TroupeError

EXIT_SOFTWARE = 70
"""Exit code of a process whose root supervisor gave up (`EX_SOFTWARE` of sysexits)."""


class SupervisionError(TroupeError):
    """Supervision could not do what was asked of it."""


class EscalatedError(SupervisionError):
    """A supervisor gave up; its cause is what the child failed of, and it is fatal when that is."""

    @property
    def origin(self) -> BaseException:
        """What it all began with, below all supervisors that gave up one after the other."""
        error: BaseException = self
        while isinstance(error, EscalatedError) and error.__cause__ is not None:
            error = error.__cause__
        return error


class StartTimeoutError(SupervisionError):
    """A child did not start in time."""

    retryable = True


class DuplicateChildError(SupervisionError):
    """There is a child of this name already."""


class UnknownChildError(SupervisionError):
    """There is no child of this name."""


class BufferFullError(SupervisionError):
    """Too much mail waits for a name whose bearer is down."""

    retryable = True


class CircuitOpenError(SupervisionError):
    """The circuit is open: the other side failed too often to be asked now."""

    retryable = True


class QueueFullError(SupervisionError):
    """Too many wait for a place, or none came free in time."""

    retryable = True
