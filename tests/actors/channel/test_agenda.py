from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.channel.agenda import Agenda, Start
from actors.channel.batches import LONGEST_SETTLE_S, MAX_BURST, MAX_WAITING
from actors.channel.messages import MessageCreated
from tests.actors.scripted import message, personality

pytestmark = pytest.mark.unit

ADA, BOB, CYN = (personality(name).id for name in ("Ada", "Bob", "Cyn"))


def heard(at: float, author: str = "Pip") -> MessageCreated:
    return MessageCreated(message=message(f"message {at}", at, author), seen_at=at)


def times(start: Start) -> list[float]:
    return [said.seen_at for said in start.heard]


def test_the_speakers_of_a_round_go_one_after_the_other() -> None:
    agenda = Agenda()
    first = agenda.add(heard(1), [ADA, BOB])
    second = agenda.ended(ADA)
    third = agenda.ended(BOB)
    assert [[start.speaker for start in starts] for starts in (first, second, third)] == [[ADA], [BOB], []]
    assert agenda.is_idle


def test_rounds_with_other_speakers_do_not_wait_for_each_other() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA])
    assert [start.speaker for start in agenda.add(heard(2, "Quin"), [BOB])] == [BOB]


def test_messages_of_one_author_meanwhile_become_one_turn() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA])
    assert [agenda.add(heard(at), [ADA]) for at in (2, 3, 4)] == [[], [], []]
    (start,) = agenda.ended(ADA)
    assert times(start) == [2, 3, 4]


def test_alternating_authors_are_never_merged() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA])
    for at, author in ((2, "Pip"), (3, "Quin"), (4, "Pip")):
        agenda.add(heard(at, author), [ADA])
    assert [times(agenda.ended(ADA)[0]) for _ in range(3)] == [[2], [3], [4]]


def test_a_merged_message_still_gets_its_second_speaker() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA])
    agenda.add(heard(2), [ADA])
    agenda.add(heard(3), [ADA, BOB])
    agenda.ended(ADA)
    assert [(start.speaker, times(start)) for start in agenda.ended(ADA)] == [(BOB, [3])]


def test_a_message_seen_again_changes_nothing() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA])
    assert agenda.add(heard(1), [BOB]) == []


def test_a_message_seen_again_may_bring_further_speakers() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA])
    agenda.add(heard(1), [ADA, BOB])
    assert [[start.speaker for start in agenda.ended(who)] for who in (ADA, BOB)] == [[BOB], []]


def test_what_will_not_be_spoken_is_told_once() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA])
    agenda.add(heard(2), [ADA, CYN])
    agenda.add(heard(3), [BOB, ADA])
    agenda.add(heard(4), [BOB])
    agenda.forget([message("", 2).id])
    agenda.withdraw({ADA, BOB})
    dropped = {(turn.speaker, turn.message_id, turn.reason) for turn in agenda.take_dropped()}
    assert dropped == {
        (ADA, message("", 2).id, "message deleted"),
        (CYN, message("", 2).id, "message deleted"),
        (ADA, message("", 3).id, "removed"),
        (BOB, message("", 4).id, "removed"),
    }
    assert agenda.take_dropped() == []


def test_chatter_that_finds_no_room_is_given_up_and_noted() -> None:
    agenda = Agenda()
    agenda.add(heard(0), [ADA])
    for at in range(1, MAX_WAITING + 4):
        agenda.add(heard(at, author=f"author {at}"), [ADA], direct=False)
    agenda.ended(ADA)
    assert agenda.take_note(ADA) == "3 messages went unanswered: too much at once"
    assert [turn.reason for turn in agenda.take_dropped()] == ["too much at once"] * 3
    agenda.ended(ADA)
    assert agenda.take_note(ADA) is None


def test_a_call_is_never_given_up() -> None:
    agenda = Agenda()
    for at in range(3 * MAX_WAITING):
        agenda.add(heard(at, author=f"author {at}"), [ADA])
    assert agenda.take_dropped() == []


def test_a_round_goes_on_past_a_speaker_without_room() -> None:
    agenda = Agenda()
    for at in range(MAX_WAITING + 1):
        agenda.add(heard(at, author=f"author {at}"), [ADA])
    assert [start.speaker for start in agenda.add(heard(99, "Quin"), [ADA, BOB], direct=False)] == [BOB]


def test_a_burst_beyond_its_bound_becomes_two_turns() -> None:
    agenda = Agenda()
    agenda.add(heard(0), [ADA])
    for at in range(1, MAX_BURST + 3):
        agenda.add(heard(at), [ADA])
    assert [len(agenda.ended(ADA)[0].heard) for _ in range(2)] == [MAX_BURST, 2]


def test_the_note_of_a_round_comes_with_its_last_speaker() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA, BOB], "Cyn kept silent")
    first = agenda.take_note(ADA)
    agenda.ended(ADA)
    assert (first, agenda.take_note(BOB)) == (None, "Cyn kept silent")


def test_nobody_waits_for_a_speaker_who_was_withdrawn() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA])
    agenda.add(heard(2), [ADA, BOB])
    agenda.add(heard(3, "Quin"), [CYN, ADA])
    assert [(start.speaker, times(start)) for start in agenda.withdraw({ADA})] == [(BOB, [2])]
    assert [agenda.ended(who) for who in (ADA, BOB, CYN)] == [[], [], []]
    assert agenda.is_idle


def test_a_deleted_message_that_waits_is_not_answered() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA])
    agenda.add(heard(2), [ADA])
    agenda.add(heard(3), [ADA, BOB])
    agenda.forget([message("", 2).id, message("", 3).id])
    assert agenda.ended(ADA) == []
    assert agenda.is_idle


def test_a_deleted_message_that_is_being_answered_goes_on() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA, BOB])
    agenda.forget([message("", 1).id])
    assert [start.speaker for start in agenda.ended(ADA)] == [BOB]


def test_who_is_engaged_with_an_author_is_known() -> None:
    agenda = Agenda()
    agenda.add(heard(1), [ADA])
    agenda.add(heard(2, "Quin"), [ADA])
    agenda.add(heard(3, "Ray"), [BOB])
    authors = [heard(0, name).message.author.id for name in ("Pip", "Quin", "Ray", "Sol")]
    assert [agenda.engaged_with(author) for author in authors] == [ADA, ADA, BOB, None]


def test_the_end_of_an_unknown_turn_changes_nothing() -> None:
    agenda = Agenda()
    assert agenda.ended(ADA) == []
    assert agenda.answering(ADA) is None


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settling(clock: Clock) -> Agenda:
    return Agenda(1.5, clock)


def test_what_calls_nobody_waits_until_its_author_has_settled(settling: Agenda, clock: Clock) -> None:
    assert settling.add(heard(1), [ADA], direct=False) == []
    clock.now = 1.0
    assert settling.add(heard(2), [ADA], direct=False) == []
    clock.now = 2.4
    assert (settling.settled(), settling.due_in) == ([], pytest.approx(0.1))
    clock.now = 2.5
    assert [times(start) for start in settling.settled()] == [[1, 2]]
    assert settling.due_in is None


def test_a_direct_call_starts_at_once_and_takes_what_settles_with_it(settling: Agenda) -> None:
    settling.add(heard(1), [ADA], direct=False)
    (start,) = settling.add(heard(2), [ADA])
    assert times(start) == [1, 2]


def test_nobody_waits_for_another_author_to_settle(settling: Agenda) -> None:
    settling.add(heard(1), [ADA], direct=False)
    (start,) = settling.add(heard(2, "Quin"), [ADA])
    assert times(start) == [2]


def test_another_authors_words_end_nobodys_wait(settling: Agenda, clock: Clock) -> None:
    settling.add(heard(1), [ADA], direct=False)
    clock.now = 1.0
    settling.add(heard(2, "Quin"), [ADA], direct=False)
    clock.now = 1.5
    assert [times(start) for start in settling.settled()] == [[1]]


def test_whoever_never_stops_writing_is_answered_all_the_same(settling: Agenda, clock: Clock) -> None:
    started: list[Start] = []
    while not started:
        settling.add(heard(clock.now), [ADA], direct=False)
        clock.now += 1.0
        started = settling.settled()
    assert clock.now == LONGEST_SETTLE_S


EVENTS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["Pip", "Quin"]),
            st.lists(st.sampled_from([ADA, BOB, CYN]), max_size=3, unique=True),
        ),
        st.sampled_from([ADA, BOB, CYN]),
    ),
    max_size=60,
)


@given(EVENTS)
def test_everyone_asked_answers_every_message_once_and_one_at_a_time(
    events: list[tuple[str, list[UUID]] | UUID],
) -> None:
    agenda = Agenda()
    owed: Counter[tuple[UUID, int]] = Counter()
    paid: Counter[tuple[UUID, int]] = Counter()
    speaking: set[UUID] = set()

    def note(starts: list[Start]) -> None:
        for start in starts:
            assert start.speaker not in speaking
            speaking.add(start.speaker)
            paid.update((start.speaker, said.message.id) for said in start.heard)

    for at, event in enumerate(events):
        if isinstance(event, UUID):
            speaking.discard(event)
            note(agenda.ended(event))
        else:
            said = heard(at, event[0])
            owed.update((who, said.message.id) for who in event[1])
            note(agenda.add(said, event[1]))
    while speaking:
        note(agenda.ended(speaking.pop()))
    given_up = owed - paid
    assert not paid - owed
    assert Counter((turn.speaker, turn.message_id) for turn in agenda.take_dropped()) == given_up
    assert agenda.is_idle
    assert len(events) > MAX_WAITING or not given_up
