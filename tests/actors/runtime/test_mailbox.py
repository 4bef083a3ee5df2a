import asyncio
import threading
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pykka import ActorDeadError, _envelope

from actors.runtime import AsyncioFuture, MailboxSpec, Overflow, Rule
from actors.runtime.envelope import Envelope
from actors.runtime.errors import ActorGoneError, OverloadedError
from actors.runtime.mailbox import Mailbox
from tests.actors.runtime.actors_under_test import Recorder, actor_of

pytestmark = pytest.mark.unit


class Plain(msgspec.Struct, frozen=True):
    number: int


class Chatter(msgspec.Struct, frozen=True):
    number: int


class Typing(msgspec.Struct, frozen=True):
    channel: int
    number: int


class Control(msgspec.Struct, frozen=True):
    number: int


class Patient(msgspec.Struct, frozen=True):
    number: int


SPEC = MailboxSpec(
    limit=3,
    rules={
        Chatter: Rule(Overflow.DROP_OLDEST),
        Typing: Rule(Overflow.COALESCE, key=lambda typing: typing.channel),
        Control: Rule(control=True),
        Patient: Rule(Overflow.BLOCK),
    },
)


class Small(Recorder):
    mailbox_spec = SPEC


def put(mailbox: Mailbox, *messages: Any) -> None:
    for message in messages:
        mailbox.put(Envelope(message))


def drain(mailbox: Mailbox) -> list[Any]:
    taken: list[Any] = []
    while (envelope := mailbox.take()) is not None:
        taken.append(envelope.message)
    return taken


def test_reject_refuses_the_newcomer() -> None:
    mailbox = Mailbox(SPEC)
    put(mailbox, Plain(1), Plain(2), Plain(3))
    with pytest.raises(OverloadedError):
        put(mailbox, Plain(4))
    assert drain(mailbox) == [Plain(1), Plain(2), Plain(3)]


def test_drop_oldest_gives_up_the_oldest_of_its_kind() -> None:
    mailbox = Mailbox(SPEC)
    put(mailbox, Plain(1), Chatter(2), Chatter(3), Chatter(4))
    assert drain(mailbox) == [Plain(1), Chatter(3), Chatter(4)]


def test_drop_oldest_refuses_when_there_is_nothing_to_drop() -> None:
    mailbox = Mailbox(SPEC)
    put(mailbox, Plain(1), Plain(2), Plain(3))
    with pytest.raises(OverloadedError):
        put(mailbox, Chatter(4))


def test_what_is_put_aside_takes_room() -> None:
    mailbox = Mailbox(SPEC)
    put(mailbox, Plain(1), Plain(2), Plain(3))
    for _ in range(3):
        mailbox.stash(mailbox.get())  # type: ignore[arg-type]
    with pytest.raises(OverloadedError):
        put(mailbox, Plain(4))
    mailbox.unstash()
    assert drain(mailbox) == [Plain(1), Plain(2), Plain(3)]


def test_a_dropped_ask_is_answered() -> None:
    mailbox = Mailbox(SPEC)
    answer: AsyncioFuture[Any] = AsyncioFuture()
    mailbox.put(Envelope(Chatter(0), answer))
    put(mailbox, Chatter(1), Chatter(2), Chatter(3))
    with pytest.raises(OverloadedError):
        answer.get()


def test_coalesce_replaces_the_unread_one_of_the_same_key_in_its_place() -> None:
    mailbox = Mailbox(SPEC)
    put(mailbox, Typing(1, 1), Typing(2, 1), Plain(1), Typing(1, 2))
    assert drain(mailbox) == [Typing(1, 2), Typing(2, 1), Plain(1)]


def test_coalesce_starts_anew_after_it_was_taken() -> None:
    mailbox = Mailbox(SPEC)
    put(mailbox, Typing(1, 1))
    mailbox.take()
    put(mailbox, Typing(1, 2))
    assert drain(mailbox) == [Typing(1, 2)]


def test_coalesce_refuses_a_new_key_when_full_and_remembers_nothing_of_it() -> None:
    mailbox = Mailbox(SPEC)
    put(mailbox, Plain(1), Plain(2), Plain(3))
    for _ in range(2):
        with pytest.raises(OverloadedError):
            put(mailbox, Typing(1, 1))
    drain(mailbox)
    put(mailbox, Typing(1, 2))
    assert drain(mailbox) == [Typing(1, 2)]


def test_an_ask_is_never_coalesced() -> None:
    mailbox = Mailbox(SPEC)
    mailbox.put(Envelope(Typing(1, 1), AsyncioFuture()))
    mailbox.put(Envelope(Typing(1, 2), AsyncioFuture()))
    assert len(mailbox) == 2


def test_control_goes_first_and_is_never_refused() -> None:
    mailbox = Mailbox(SPEC)
    put(mailbox, Plain(1), Plain(2), Plain(3), Control(1), Control(2))
    assert drain(mailbox) == [Control(1), Control(2), Plain(1), Plain(2), Plain(3)]


def test_without_a_limit_everything_fits() -> None:
    mailbox = Mailbox(MailboxSpec(limit=None))
    put(mailbox, *range(20_000))
    assert len(mailbox) == 20_000


def test_an_envelope_of_pykkas_own_is_accepted() -> None:
    mailbox = Mailbox(MailboxSpec())
    mailbox.put(_envelope.Envelope("hello"))
    assert mailbox.get().message == "hello"


def test_getting_from_an_empty_mailbox_says_so() -> None:
    with pytest.raises(LookupError):
        Mailbox(MailboxSpec()).get()


async def test_send_waits_for_room_in_order_of_arrival() -> None:
    ref = Small.start()
    actor = actor_of(ref)
    ref.tell("wait")
    await asyncio.sleep(1)
    for number in range(3):
        ref.tell(Plain(number))
    producers = [asyncio.create_task(ref.send(Patient(number))) for number in range(3)]
    await asyncio.sleep(1)
    assert not any(producer.done() for producer in producers)
    actor.gate.set()
    await asyncio.gather(*producers)
    await ref.request("end", 1.0)
    assert [seen.number for seen in actor.seen if isinstance(seen, Patient)] == [0, 1, 2]


async def test_a_waiting_producer_hears_that_the_actor_is_gone() -> None:
    ref = Small.start()
    ref.tell("wait")
    await asyncio.sleep(1)
    for number in range(3):
        ref.tell(Plain(number))
    producer = asyncio.create_task(ref.send(Patient(1)))
    await asyncio.sleep(1)
    ref.kill()
    with pytest.raises(ActorGoneError):
        await producer


async def test_a_producer_that_gives_up_leaves_the_queue() -> None:
    ref = Small.start()
    ref.tell("wait")
    await asyncio.sleep(1)
    for number in range(3):
        ref.tell(Plain(number))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await ref.send(Patient(1))
    assert not ref.mailbox.crowded


async def test_a_plain_tell_of_a_blocking_type_is_refused() -> None:
    ref = Small.start()
    for number in range(3):
        ref.tell(Plain(number))
    with pytest.raises(OverloadedError):
        ref.tell(Patient(1))


async def test_the_heir_gets_what_is_unread() -> None:
    ref = Recorder.start()
    left: list[Envelope] = []
    ref.bequeath(left.extend)
    ref.tell("wait")
    await asyncio.sleep(1)
    unread = ref.ask("unread", block=False)
    ref.kill()
    await ref.ended()
    assert [envelope.message for envelope in left] == ["unread"]
    assert not unread.done()


def test_threads_and_the_loop_account_for_every_envelope() -> None:
    async def story() -> tuple[int, int]:
        ref = Recorder.start()
        refused = [0, 0, 0]
        actor = actor_of(ref)
        left: list[Envelope] = []
        ref.bequeath(left.extend)

        def send(sender: int) -> None:
            for number in range(2_000):
                try:
                    ref.mailbox.put(Envelope(number))
                except ActorDeadError:
                    refused[sender] += 1

        threads = [threading.Thread(target=send, args=(sender,)) for sender in range(3)]
        for thread in threads:
            thread.start()
        await asyncio.sleep(0.001)
        await ref.stop(block=False)
        for thread in threads:
            await asyncio.to_thread(thread.join)
        await asyncio.sleep(0)
        handled = sum(isinstance(seen, int) for seen in actor.seen)
        return handled + len(left) + sum(refused), len(left)

    total, _ = asyncio.run(story())
    assert total == 3 * 2_000


MESSAGES = st.one_of(
    st.builds(Plain, st.integers(0, 9)),
    st.builds(Chatter, st.integers(0, 9)),
    st.builds(Typing, st.integers(0, 1), st.integers(0, 9)),
    st.builds(Control, st.integers(0, 9)),
)


@given(st.lists(st.one_of(MESSAGES, st.none()), max_size=40))
def test_the_bound_holds_and_each_kind_keeps_its_order(steps: list[Any]) -> None:
    mailbox = Mailbox(SPEC)
    accepted: list[Any] = []
    taken: list[Any] = []
    for step in steps:
        if step is None:
            envelope = mailbox.take()
            taken += [] if envelope is None else [envelope.message]
            continue
        try:
            mailbox.put(Envelope(step))
        except OverloadedError:
            continue
        accepted.append(step)
    ordinary = sum(not isinstance(envelope.message, Control) for envelope in mailbox.queue)
    assert ordinary <= 3
    taken += drain(mailbox)
    for kind in (Plain, Control):
        assert [m for m in taken if type(m) is kind] == [m for m in accepted if type(m) is kind]
    assert _is_subsequence(
        [m for m in taken if type(m) is Chatter], [m for m in accepted if type(m) is Chatter]
    )


def _is_subsequence(short: list[Any], long: list[Any]) -> bool:
    rest = iter(long)
    return all(item in rest for item in short)
