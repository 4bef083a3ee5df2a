import pytest
from msgspec.structs import replace

from actors.channel.rates import MOST_BUCKETS, Rate, Refusal, TurnRates
from storage.records import Author
from tests.actors.scripted import message

pytestmark = pytest.mark.unit

OWNER = 7
OFF = Rate(0.0, 0.0)


def rates(user: Rate = OFF, guild: Rate = OFF) -> TurnRates:
    return TurnRates(user, guild, lambda user_id: user_id == OWNER)


def ask(rates: TurnRates, at: float, author: int = 1, turns: int = 1) -> Refusal | None:
    said = replace(message("hello", at), author=Author(id=author, name=str(author)))
    return rates.admit(said, turns)


def test_a_burst_is_let_through_and_the_next_message_is_not() -> None:
    one = rates(user=Rate(20.0, 3.0))
    assert [ask(one, 0.0) is None for _ in range(4)] == [True, True, True, False]


def test_people_are_told_when_they_will_be_heard_again_and_are() -> None:
    one = rates(user=Rate(20.0, 1.0))
    ask(one, 0.0)
    refusal = ask(one, 1.0)
    assert refusal == Refusal(
        "rate limited", "<@1>, you are writing faster than we can answer; we will hear you again in 2 s."
    )
    assert ask(one, 3.0) is None


def test_who_goes_on_writing_is_told_once_a_minute() -> None:
    one = rates(user=Rate(0.1, 1.0))
    ask(one, 0.0)
    told = [refusal.words is not None for at in range(1, 130, 10) if (refusal := ask(one, at)) is not None]
    assert told.count(True) == 3


def test_a_message_for_nobody_costs_nothing() -> None:
    one = rates(user=Rate(20.0, 1.0))
    assert [ask(one, 0.0, turns=0) for _ in range(5)] == [None] * 5


def test_the_owner_is_never_limited_nor_counted() -> None:
    one = rates(user=Rate(20.0, 1.0), guild=Rate(20.0, 1.0))
    assert [ask(one, 0.0, author=OWNER) for _ in range(5)] == [None] * 5
    assert ask(one, 0.0) is None


def test_a_server_is_limited_as_a_whole() -> None:
    one = rates(guild=Rate(60.0, 2.0))
    reasons = [refusal and refusal.reason for refusal in (ask(one, 0.0, author) for author in (1, 2, 3))]
    assert reasons == [None, None, "server rate limited"]


def test_more_turns_than_a_burst_are_paid_by_a_full_bucket() -> None:
    one = rates(user=Rate(60.0, 2.0))
    assert ask(one, 0.0, turns=5) is None
    assert ask(one, 1.0, turns=5) is not None
    assert ask(one, 2.0, turns=5) is None


def test_memory_is_bounded_by_forgetting_who_was_silent_longest() -> None:
    one = rates(user=Rate(0.001, 1.0))
    for author in range(10, 10 + MOST_BUCKETS + 1):
        ask(one, 0.0, author)
    assert ask(one, 1.0, 10) is None
    assert ask(one, 1.0, 10 + MOST_BUCKETS) is not None
