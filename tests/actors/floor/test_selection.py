import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.floor.selection import Choice, choose
from actors.floor.vocative import addressed_by_name
from storage.records import Message, Personality
from tests.actors.scripted import message, personality

pytestmark = pytest.mark.unit

ADA, BOB, CYN = (personality(name) for name in ("Ada", "Bob", "Cyn the Old"))
ROSTER = [ADA, BOB, CYN]


def said(speaker: Personality, at: float, answering: Message) -> Message:
    return message("…", at, author=speaker.name, personality_id=speaker.id, reply_to=answering.id)


def pick(
    text: str, draw: float = 0.0, log: tuple[Message, ...] = (), addressed: tuple[UUID, ...] = ()
) -> Choice:
    now = message(text, at=100)
    return choose(now, addressed, ROSTER, (*log, now), lambda: draw)


def test_those_addressed_speak_in_order_each_once() -> None:
    assert pick("hi", addressed=(BOB.id, ADA.id, BOB.id)) == Choice((BOB.id, ADA.id), "addressed")


def test_more_than_five_addressed_are_capped_and_named() -> None:
    seven = tuple(personality(f"P{number}").id for number in range(7))
    choice = pick("hi", addressed=seven)
    assert (choice.speakers, choice.left_out) == (seven[:5], seven[5:])


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("Ada, what do you think?", ADA),
        ("hey ada!", ADA),
        ("What do you think, Ada?", ADA),
        ("Good evening, Bob.", BOB),
        ("Good evening. Bob, are you there?", BOB),
        ("thank you Bob", BOB),
        ("Cyn, sing", CYN),
        ("Bob: come", BOB),
        ("Ada", ADA),
        ("I saw Ada yesterday", None),
        ("Adamant, I say", None),
        ("the, the", None),
        ("old, are you?", None),
        ("", None),
    ],
)
def test_being_spoken_to_by_name_is_told_from_being_mentioned(text: str, who: Personality | None) -> None:
    assert addressed_by_name(text, ROSTER) == (who.id if who else None)


def test_the_first_of_several_vocatives_wins() -> None:
    assert addressed_by_name("Bob, tell me. Ada, listen.", ROSTER) == BOB.id


def test_the_one_who_answered_this_author_last_goes_on() -> None:
    first = message("hi", at=0)
    choice = pick("and then?", log=(first, said(BOB, 2, first)))
    assert (choice.speakers, choice.why) == ((BOB.id,), "partner")


def test_an_answer_to_somebody_else_makes_no_partner() -> None:
    other = message("hi", at=0, author="Quin")
    assert pick("and then?", log=(other, said(BOB, 2, other))).why == "drawn"


def test_a_partner_of_long_ago_is_a_stranger_again() -> None:
    first = message("hi", at=-1000)
    assert pick("hello", log=(first, said(BOB, -998, first))).why == "drawn"


def test_a_partner_who_left_does_not_answer() -> None:
    gone = personality("Gone")
    first = message("hi", at=0)
    assert pick("and?", log=(first, said(gone, 2, first))).why == "drawn"


def test_an_unaddressed_message_gets_exactly_one_answer() -> None:
    assert len(pick("hello everyone", draw=0.5).speakers) == 1


def test_nobody_on_the_roster_is_silence() -> None:
    now = message("hello")
    assert choose(now, (), [], [now], lambda: 0.5) == Choice()


def test_those_who_never_talk_unasked_are_left_alone() -> None:
    quiet = [personality("Quiet", talkativeness=0.0)]
    assert choose(message("hello"), (), quiet, (), lambda: 0.0) == Choice()


def share(of: Personality, text: str, log: tuple[Message, ...] = ()) -> float:
    rng = random.Random(7)
    now = message(text, at=1000)
    picks = [choose(now, (), ROSTER, log, rng.random).speakers for _ in range(3000)]
    return picks.count((of.id,)) / len(picks)


def test_a_mere_mention_raises_the_weight() -> None:
    assert share(ADA, "I saw Ada yesterday") == pytest.approx(3 / 5, abs=0.04)


def test_who_spoke_last_is_likelier_to_speak() -> None:
    other = message("hi", at=990, author="Quin")
    assert share(BOB, "hello", (other, said(BOB, 991, other))) == pytest.approx(2 / 4, abs=0.04)


@given(st.floats(0, 1, exclude_max=True), st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_a_draw_always_finds_somebody_who_talks(draw: float, talk: list[float]) -> None:
    roster = [personality(f"P{number}", talkativeness=value) for number, value in enumerate(talk)]
    chosen = choose(message("hello"), (), roster, (), lambda: draw).speakers
    talkers = {person.id for person in roster if person.talkativeness > 0}
    assert (len(chosen) == 1 and chosen[0] in talkers) if talkers else chosen == ()
