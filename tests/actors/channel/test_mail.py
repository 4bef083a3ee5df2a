"""What goes first, what is said once, and what waits, when a channel has more mail than it can read."""

from typing import Any

import pytest

from actors.channel.actor import ChannelActor
from actors.channel.mail import MAIL
from actors.channel.messages import (
    MessagesDeleted,
    PersonalityChanged,
    RosterChanged,
    SettleOver,
    SpeakerLost,
)
from actors.runtime.envelope import Envelope
from actors.runtime.errors import OverloadedError
from actors.runtime.mailbox import Mailbox
from tests.actors.channel.stage import ADA, BOB

pytestmark = pytest.mark.unit

TALK = MessagesDeleted((1,))


def read(*mail: object) -> list[Any]:
    """Return in which order a channel reads what was put into its mailbox."""
    mailbox = Mailbox(ChannelActor.mailbox_spec)
    for message in mail:
        mailbox.put(Envelope(message))
    return [mailbox.get().message for _ in range(len(mailbox))]


def test_what_became_of_a_turn_goes_before_talk() -> None:
    assert read(TALK, SpeakerLost(ADA.id), TALK) == [SpeakerLost(ADA.id), TALK, TALK]


def test_news_that_nobody_has_read_is_read_once() -> None:
    assert read(RosterChanged(), SettleOver(), RosterChanged(), SettleOver()) == [
        RosterChanged(),
        SettleOver(),
    ]


def test_each_changed_character_is_looked_at_once() -> None:
    ada, bob = PersonalityChanged(ADA.id), PersonalityChanged(BOB.id)

    assert read(ada, bob, ada) == [ada, bob]


def test_a_full_mailbox_refuses_talk_but_no_outcome() -> None:
    mailbox = Mailbox(ChannelActor.mailbox_spec)
    for _ in range(MAIL.limit or 0):
        mailbox.put(Envelope(TALK))

    with pytest.raises(OverloadedError):
        mailbox.put(Envelope(TALK))
    mailbox.put(Envelope(SpeakerLost(ADA.id)))
    assert mailbox.get().message == SpeakerLost(ADA.id)
