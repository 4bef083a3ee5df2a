"""What a full mailbox does with its own mail, with newer news of the same thing, and by default."""

import asyncio
import threading
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from actors.runtime import AsyncioFuture, MailboxSpec, Overflow, Rule
from actors.runtime.envelope import Envelope
from actors.runtime.errors import OverloadedError
from actors.runtime.mailbox import Mailbox
from tests.actors.runtime.actors_under_test import Recorder, actor_of

pytestmark = pytest.mark.unit


def drain(mailbox: Mailbox) -> list[Any]:
    taken: list[Any] = []
    while (envelope := mailbox.take()) is not None:
        taken.append(envelope.message)
    return taken


def test_newer_news_have_their_own_deadline_number_and_cause() -> None:
    mailbox = Mailbox(MailboxSpec(rules={str: Rule(Overflow.COALESCE)}))
    newer = Envelope("new")
    newer.cause = 7
    mailbox.put(Envelope("old", None, 20.0))
    mailbox.put(newer)
    left = mailbox.take()
    assert left is not None
    assert (left.message, left.deadline, left.cause, left.id) == ("new", None, 7, newer.id)


@pytest.mark.parametrize("rules", [{}, {bytes: Rule()}])
def test_the_default_policy_holds_with_and_without_rules(rules: dict[type, Rule]) -> None:
    mailbox = Mailbox(MailboxSpec(default=Rule(Overflow.COALESCE), rules=rules))
    for number in range(3):
        mailbox.put(Envelope(number))
    assert drain(mailbox) == [2]


def test_control_by_default_is_never_refused() -> None:
    mailbox = Mailbox(MailboxSpec(limit=1, default=Rule(control=True)))
    for number in range(3):
        mailbox.put(Envelope(number))
    assert drain(mailbox) == [0, 1, 2]


async def test_a_request_to_stop_is_never_dropped() -> None:
    class Lossy(Recorder):
        mailbox_spec = MailboxSpec(limit=2, default=Rule(Overflow.DROP_OLDEST))

    ref = Lossy.start()
    ref.tell("wait")
    await asyncio.sleep(1)
    stopping = ref.stop(block=False)
    for number in range(5):
        ref.tell(number)
    actor_of(ref).gate.set()
    assert await stopping is True


def test_what_a_child_tells_is_never_dropped_nor_replaced() -> None:
    for overflow in (Overflow.DROP_OLDEST, Overflow.COALESCE):
        mailbox = Mailbox(MailboxSpec(limit=1, default=Rule(overflow)))
        mailbox.put(Envelope("result", own=True))
        mailbox.put(Envelope("another", own=True))
        with pytest.raises(OverloadedError):
            mailbox.put(Envelope("from outside"))
        assert drain(mailbox) == ["result", "another"]


class Patient(Recorder):
    """Cancels the first of its producers in the instant in which it lets it in."""

    mailbox_spec = MailboxSpec(limit=1, rules={str: Rule(Overflow.BLOCK)})

    def __init__(self) -> None:
        super().__init__()
        self.producers: list[asyncio.Task[None]] = []

    @override
    def on_receive(self, message: Any) -> Any:
        if message == "cancel the first":
            self.producers[0].cancel()
        return super().on_receive(message)


async def test_a_producer_that_gives_up_when_it_is_let_in_lets_the_next_one_in() -> None:
    ref = Patient.start()
    actor = actor_of(ref)
    ref.tell("wait")
    await asyncio.sleep(1)
    ref.tell("cancel the first")
    actor.producers += [asyncio.create_task(ref.send(word)) for word in ("first", "second")]
    await asyncio.sleep(1)
    actor.gate.set()
    async with asyncio.timeout(10):
        await actor.producers[1]
    assert await ref.request("last", 10.0) == "last"
    assert "second" in actor.seen


class Meeting(int):
    """A limit at which two threads meet: whoever looks at it first lets the other one send meanwhile."""

    other: threading.Thread | None = None

    @override
    def __le__(self, unread: int) -> bool:
        other, self.other = self.other, None
        if other is not None:
            other.start()
            other.join(0.1)
        return int(self) <= unread


def test_no_news_go_into_those_of_another_thread_that_are_refused_a_moment_later() -> None:
    limit = Meeting(1)
    mailbox = Mailbox(MailboxSpec(limit=limit, rules={str: Rule(Overflow.COALESCE)}))
    mailbox.put(Envelope(1))
    refused: list[str] = []

    def send(word: str) -> None:
        with pytest.raises(OverloadedError):
            mailbox.put(Envelope(word))
        refused.append(word)

    other = limit.other = threading.Thread(target=send, args=("second",))
    send("first")
    other.join()
    assert sorted(refused) == ["first", "second"]


def test_an_ask_that_finds_no_room_is_told_so() -> None:
    mailbox = Mailbox(MailboxSpec(limit=0, default=Rule(Overflow.COALESCE)))
    with pytest.raises(OverloadedError):
        mailbox.put(Envelope("ask", AsyncioFuture()))


STEPS = st.one_of(st.integers(), st.text(), st.binary(), st.sampled_from((None, True, False)))


@given(st.lists(STEPS, max_size=40))
def test_every_ask_is_taken_bequeathed_or_refused_and_nothing_twice(steps: list[Any]) -> None:
    rules = {str: Rule(Overflow.DROP_OLDEST), bytes: Rule(control=True)}
    mailbox = Mailbox(MailboxSpec(limit=3, rules=rules))
    asks: list[AsyncioFuture[Any]] = []
    answered: list[Any] = []
    mailbox.heir = lambda left: answered.extend(envelope.reply_to for envelope in left)
    for step in steps:
        match step:
            case None | True:
                envelope = mailbox.take()
                if envelope is not None and step:
                    mailbox.stash(envelope)
                elif envelope is not None:
                    answered.append(envelope.reply_to)
            case False:
                mailbox.unstash()
            case _:
                future: AsyncioFuture[Any] = AsyncioFuture()
                with suppress(OverloadedError):
                    mailbox.put(Envelope(step, future))
                    asks.append(future)
    mailbox.close()
    answered += [ask for ask in asks if ask.done()]
    assert Counter(map(id, answered)) == Counter(map(id, asks))
