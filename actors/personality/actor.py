"""A personality in a channel: at most one turn in flight, and always able to hear."""

from collections import deque
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from actors.personality.messages import Speak, TurnEnded, Withdraw
from actors.personality.ports import Ports
from actors.personality.turn import TurnRun
from actors.runtime.actor import AsyncioActor


class PersonalityActor(AsyncioActor):
    """Runs turns one after the other in child tasks and tells `report` when each has ended.

    Stopped in mid-turn, it leaves the turn in the ledger for a later recovery.
    """

    def __init__(self, ports: Ports, report: Callable[[TurnEnded], None]) -> None:
        super().__init__()
        self._ports = ports
        self._report = report
        self._waiting: deque[Speak] = deque()
        self._run: TurnRun | None = None

    @override
    def on_receive(self, message: Any) -> None:
        match message:
            case Speak():
                self._waiting.append(message)
                self._start_next()
            case Withdraw(reason=reason):
                self._waiting.clear()
                if self._run is not None:
                    self._run.withdraw(reason)
            case TurnEnded():
                self._run = None
                self._report(message)
                self._start_next()
            case _:
                super().on_receive(message)

    def _start_next(self) -> None:
        if self._run is None and self._waiting:
            self._run = TurnRun(self._waiting.popleft(), self._ports)
            self.spawn(self._run.run(), done=lambda ended: ended)
