"""Named places in the code where a test can kill the process or let it fail; they cost nothing when off.

`TROUPE_TRIGGER=after_inbox:kill` ends the process with SIGKILL when it first comes to `after_inbox`, and
`after_inbox:kill:3` when it comes there for the third time; `throw` raises instead.
"""

import os
import signal
from typing import Literal, get_args

import msgspec

from config.errors import TroupeError

Name = Literal[
    "after_inbox",  # a message is committed, nobody was told
    "after_plan",  # its turns are planned
    "at_first_token",  # a model has begun to speak, nothing is visible
    "before_post",  # the post of a message is about to leave
    "after_post",  # it is visible, the ledger does not have its id
    "mid_edit",  # an edit is visible, the ledger does not have its text
    "before_final",  # the whole text is known, the last edit is not made
    "after_final",  # the answer is complete, its turn is not closed
]
NAMES: tuple[Name, ...] = get_args(Name)
Action = Literal["kill", "throw"]


class TriggeredError(TroupeError):
    """A trigger point was armed to throw."""


class Trigger(msgspec.Struct):
    """What happens where; `left` visits are let pass before the last of them strikes."""

    name: Name
    action: Action
    left: int = 1


def parse(words: str) -> Trigger | None:
    """Read `name:action[:count]`; nothing is armed by an empty text.

    Raises:
        msgspec.ValidationError: the name, the action or the count is not known.
    """
    if not words:
        return None
    fields = dict(zip(("name", "action", "left"), words.split(":"), strict=False))
    return msgspec.convert(fields, Trigger, strict=False)


_armed = parse(os.environ.get("TROUPE_TRIGGER", ""))


def reach(name: Name) -> None:
    """Say that the code has come to a place.

    Raises:
        TriggeredError: this place is armed to throw.
    """
    if _armed is not None and _armed.name == name:
        _strike(_armed)


def _strike(trigger: Trigger) -> None:
    trigger.left -= 1
    if trigger.left:
        return
    if trigger.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise TriggeredError(f"Trigger point {trigger.name}.")
