"""What a channel has decided, written to the ledger in order and off the path of the words."""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from actors.channel.messages import MessageCreated
from actors.channel.patience import patiently
from actors.channel.ports import ChannelPorts
from actors.channel.silence import Dropped, count
from config import telemetry
from config.errors import TroupeError
from config.logs import get_logger
from config.trigger_points import reach
from storage.records import turn_id

log = get_logger(__name__)


class Book:
    """Plans turns and ends dropped ones.

    A storage that is away is waited for; what a stop leaves unwritten is decided anew at the next start.

    Args:
        ports: the channel's surroundings.
        spawn: starts a child task of the channel.
    """

    def __init__(self, ports: ChannelPorts, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._ports = ports
        self._spawn = spawn
        self._writes: deque[Callable[[], Awaitable[object]]] = deque()
        self._is_writing = False

    def decided(self, heard: MessageCreated, speakers: Sequence[UUID], silence: str | None = None) -> None:
        """Note who answers a message, in this order, or why none of them does; nobody is an answer, too."""
        reach("before_decision")
        now = self._ports.now()
        deadline = now + timedelta(seconds=self._ports.deadline_s)
        trace = telemetry.trace_id(heard.trace)
        if silence is not None:
            for who in speakers:
                count(Dropped(who, heard.message.id, silence))
        self._note(
            lambda: self._ports.turns.consider(
                heard.message, speakers, at=now, deadline=deadline, trace_id=trace, silence=silence
            )
        )

    def dropped(self, turns: Iterable[Dropped]) -> None:
        """Note turns that will not be spoken, and count them."""
        for turn in turns:
            count(turn)
            which = turn_id(turn.message_id, turn.speaker)
            self._note(partial(self._ports.turns.advance, which, "silent", reason=turn.reason))

    def _note(self, write: Callable[[], Awaitable[object]]) -> None:
        self._writes.append(write)
        if not self._is_writing:
            self._is_writing = True
            self._spawn(self._write())

    async def _write(self) -> None:
        try:
            while self._writes:
                try:
                    await patiently(self._writes.popleft())
                except TroupeError as error:
                    log.warning("decision_not_recorded", error=type(error).__name__)
        finally:
            self._is_writing = False
