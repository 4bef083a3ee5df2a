"""What can go wrong in the sandbox itself, as opposed to errors it answers as Discord would."""

from config.errors import TroupeError


class SandboxError(TroupeError):
    """The sandbox cannot do this."""


class ActionRefusedError(SandboxError):
    """A person tried what Discord's client would not let them do.

    `user_message` says why in words for that person.
    """


class StateUnreadableError(SandboxError):
    """The saved state of the sandbox was written by another version or is damaged."""


class StateUnwritableError(SandboxError):
    """The state of the sandbox cannot be saved."""
