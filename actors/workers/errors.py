"""What can go wrong between the stage and its workers."""

from actors.models.errors import ModelError, StreamBrokenError
from config.errors import TroupeError


class ProtocolError(TroupeError):
    """The other side sent bytes that are not the worker protocol; the connection is of no use any more."""


class HubGoneError(TroupeError):
    """The stage cannot be reached, refused this worker or closed the connection."""


class HostError(TroupeError):
    """The processes that host workers could not be started."""

    retryable = True


class WorkerLostError(StreamBrokenError):
    """The worker of this stream died or fell silent."""

    elsewhere = False


class WorkerFaultError(ModelError):
    """A worker met an error that nobody foresaw."""


class BlobTooLargeError(ModelError):
    """A worker made a blob larger than the protocol carries."""

    user_message = "What I made is too large to hand over."


class BlobLostError(ModelError):
    """A large blob did not arrive whole: a disk is full, or a file is gone. The model is not to blame."""

    retryable = True
    user_message = "What I made got lost on its way."
