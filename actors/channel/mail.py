"""The policy of a channel's mailbox for every type of message."""

from actors.channel.messages import (
    PersonalityChanged,
    RosterChanged,
    SettleOver,
    SpeakerLost,
    TurnAdmitted,
    TurnOverdue,
    TurnShed,
)
from actors.personality.messages import TurnEnded
from actors.runtime.overflow import MailboxSpec, Overflow, Rule

OUTCOME = Rule(control=True)
"""What became of a turn goes before all talk and is never refused: it makes room for more talk."""
NEWS = Rule(Overflow.COALESCE)
"""However often it is said, it is looked into once."""

MAIL = MailboxSpec(
    limit=10_000,
    rules={
        TurnEnded: OUTCOME,
        TurnOverdue: OUTCOME,
        TurnAdmitted: OUTCOME,
        TurnShed: OUTCOME,
        SpeakerLost: OUTCOME,
        RosterChanged: NEWS,
        PersonalityChanged: Rule(Overflow.COALESCE, key=lambda changed: changed.personality_id),
        SettleOver: NEWS,
    },
)
"""All else is talk: it is refused when the mailbox is full, and whoever brings it waits for room."""
