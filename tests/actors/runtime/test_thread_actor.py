"""The end of an actor in a thread."""

import threading
from typing import Any

import pytest
from typing_extensions import override

from actors.runtime import ThreadActor
from actors.runtime.envelope import Envelope
from actors.runtime.errors import ActorGoneError

pytestmark = pytest.mark.unit


class Meeting(ThreadActor):
    """Lets others send while it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Any] = []

    @override
    def on_stop(self) -> None:
        self.actor_stopped.watch(self._ask)  # type: ignore[attr-defined] # it is a `Termination`

    def _ask(self) -> None:
        """Ask as a thread does that saw the actor alive and goes on only now."""
        future = self._create_future()
        self.actor_inbox.put(Envelope("late", future))
        self.answers.append(future)

    @override
    def on_receive(self, message: Any) -> Any:
        return self.answers


def test_an_ask_that_comes_while_a_thread_actor_ends_is_answered() -> None:
    ref = Meeting.start()
    answers = ref.ask("answers", timeout=5)
    ref.stop(timeout=5)
    ref.ended().get(timeout=5)
    with pytest.raises(ActorGoneError):
        answers[0].get(timeout=5)


def test_no_ask_hangs_when_threads_send_while_a_thread_actor_stops() -> None:
    for _ in range(20):
        ref = Meeting.start()
        futures: list[Any] = []
        senders = [threading.Thread(target=_send, args=(ref, futures)) for _ in range(3)]
        for sender in senders:
            sender.start()
        ref.stop(timeout=5)
        for sender in senders:
            sender.join()
        for future in futures:
            _settle(future)


def _send(ref: Any, futures: list[Any]) -> None:
    futures.extend(ref.ask(number, block=False) for number in range(50))


def _settle(future: Any) -> None:
    try:
        future.get(timeout=5)
    except ActorGoneError:
        return
