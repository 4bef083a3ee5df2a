"""What an archived or locked thread lets happen (Discord: topics, threads)."""

from sandbox.simulator import BackendError, Channel
from sandbox.state import DiscordState


def require_open(channel: Channel) -> None:
    """Let nothing of an archived thread be changed.

    Raises:
        BackendError: 50083, it is archived.
    """
    if channel.thread_metadata is not None and channel.thread_metadata.archived:
        raise BackendError(400, 50083, "Thread is archived")


def open_by_message(state: DiscordState, channel: Channel) -> None:
    """Let a new message open an archived thread again, unless a moderator has locked it.

    Raises:
        BackendError: 160005, it is locked.
    """
    thread = channel.thread_metadata
    if thread is None:
        return
    if thread.locked:
        raise BackendError(403, 160005, "Thread is locked")
    if thread.archived:
        state.edit_channel(channel.id, {}, thread_metadata={"archived": False})
