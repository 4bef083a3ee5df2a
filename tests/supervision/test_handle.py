import pytest

from config import metrics
from supervision import BufferFullError, Handle

pytestmark = pytest.mark.unit


class Letter:
    def __init__(self, text: str) -> None:
        self.text = text
        self.deaths = 0


class Inbox:
    def __init__(self) -> None:
        self.mail: list[str] = []
        self.is_gone = self.is_full = False

    def put(self, mail: Letter, /, *, always: bool) -> None:
        if self.is_gone or (self.is_full and not always):
            raise ConnectionError
        self.mail.append(mail.text)


def handle_of(**options: int) -> tuple[Handle[Letter], list[str]]:
    dead: list[str] = []
    return Handle("name", lambda letter, error: dead.append(f"{letter.text}: {error}"), **options), dead


def test_mail_waits_until_there_is_a_bearer() -> None:
    handle, _ = handle_of()
    handle.send(Letter("a"))
    inbox = Inbox()
    handle.attach(inbox)
    handle.send(Letter("b"))
    assert inbox.mail == ["a", "b"]
    assert handle.is_borne


def test_the_next_bearer_gets_what_was_unread_before_what_came_later() -> None:
    handle, _ = handle_of()
    gone, inbox = Inbox(), Inbox()
    handle.attach(gone)
    handle.detach(gone, [Letter("unread 1"), Letter("unread 2")])
    handle.send(Letter("new"))
    handle.attach(inbox)
    assert inbox.mail == ["unread 1", "unread 2", "new"]


def test_new_mail_is_refused_when_too_much_waits() -> None:
    handle, _ = handle_of(limit=1)
    handle.send(Letter("a"))
    with pytest.raises(BufferFullError):
        handle.send(Letter("b"))
    assert len(handle) == 1


def test_mail_that_is_refused_for_want_of_a_bearer_is_counted() -> None:
    handle, _ = handle_of(limit=0)
    before = metrics.shed.labels("no_bearer")._value.get()
    with pytest.raises(BufferFullError):
        handle.send(Letter("a"))
    assert metrics.shed.labels("no_bearer")._value.get() - before == 1


def test_unread_mail_is_kept_beyond_the_limit() -> None:
    handle, _ = handle_of(limit=1)
    handle.keep([Letter("a"), Letter("b")])
    assert len(handle) == 2


def test_what_a_bearer_failed_of_goes_first_to_the_next() -> None:
    handle, _ = handle_of()
    gone, inbox = Inbox(), Inbox()
    handle.attach(gone)
    handle.detach(gone, [Letter("unread")], Letter("culprit"), ValueError("bad"))
    handle.attach(inbox)
    assert inbox.mail == ["culprit", "unread"]


def test_mail_that_killed_three_bearers_is_a_dead_letter() -> None:
    handle, dead = handle_of()
    poison, unread = Letter("poison"), Letter("unread")
    handle.send(poison)
    handle.send(unread)
    for _ in range(3):
        assert dead == []
        gone = Inbox()
        handle.attach(gone)
        handle.detach(gone, [unread], poison, ValueError("bad"))
    assert dead == ["poison: bad"]
    inbox = Inbox()
    handle.attach(inbox)
    assert inbox.mail == ["unread"]


def test_different_culprits_are_counted_apart() -> None:
    handle, dead = handle_of(lives=2)
    for text in ("a", "b", "a"):
        handle.blame(Letter(text), ValueError("bad"))
    assert dead == []


def test_a_dead_letter_that_nobody_can_take_does_not_stop_the_rest() -> None:
    def full(_letter: Letter, _error: BaseException) -> None:
        raise OSError("disk full")

    handle = Handle[Letter]("name", full, lives=1)
    gone, inbox = Inbox(), Inbox()
    handle.attach(gone)
    handle.detach(gone, [Letter("unread")], Letter("poison"), ValueError("bad"))
    handle.attach(inbox)
    assert inbox.mail == ["unread"]


def test_mail_that_a_bearer_gets_after_its_end_goes_to_its_successor() -> None:
    handle, _ = handle_of()
    gone, inbox = Inbox(), Inbox()
    handle.attach(gone)
    handle.detach(gone, [])
    handle.attach(inbox)
    handle.detach(gone, [Letter("late")])
    handle.send(Letter("new"))
    assert inbox.mail == ["late", "new"]


def test_mail_that_a_bearer_gets_after_its_end_waits_behind_the_rest_for_a_successor() -> None:
    handle, _ = handle_of()
    gone, inbox = Inbox(), Inbox()
    handle.attach(gone)
    handle.detach(gone, [Letter("unread")])
    handle.detach(gone, [Letter("late")])
    handle.attach(inbox)
    assert inbox.mail == ["unread", "late"]


def test_mail_for_a_successor_that_is_going_as_well_waits_for_the_next() -> None:
    handle, _ = handle_of()
    gone, going, inbox = Inbox(), Inbox(), Inbox()
    going.is_gone = True
    handle.attach(gone)
    handle.detach(gone, [])
    handle.attach(going)
    handle.detach(gone, [Letter("late")])
    handle.detach(going, [])
    handle.attach(inbox)
    assert inbox.mail == ["late"]


def test_a_bearer_fails_of_its_mail_only_once() -> None:
    handle, dead = handle_of(lives=2)
    gone, poison = Inbox(), Letter("poison")
    handle.attach(gone)
    for _ in range(2):
        handle.detach(gone, [], poison, ValueError("bad"))
    assert (poison.deaths, dead, len(handle)) == (1, [], 1)


def test_a_refusal_of_the_bearer_reaches_the_sender() -> None:
    handle, _ = handle_of()
    inbox = Inbox()
    handle.attach(inbox)
    inbox.is_full = True
    with pytest.raises(ConnectionError):
        handle.send(Letter("a"))


def test_closing_hands_out_what_waits_and_refuses_the_rest() -> None:
    handle, _ = handle_of()
    handle.send(Letter("a"))
    refused: list[str] = []
    handle.close(lambda letter: refused.append(letter.text))
    assert refused == ["a"]
    with pytest.raises(BufferFullError):
        handle.send(Letter("b"))
