"""Named places in the code where a test can kill, stop or fail the process; they cost nothing when off.

`TROUPE_TRIGGER=after_inbox:kill` ends the process with SIGKILL when it first comes to `after_inbox`, and
`after_inbox:kill:3` when it comes there for the third time; `throw` raises instead, and `sleep` holds the
whole process for a second, as a machine does that swaps. `TROUPE_TRIGGER=@FILE` takes these words from a
file, as soon as there are any: so a running process can be armed.
"""

import os
import signal
import time
from pathlib import Path
from typing import Literal, get_args

import msgspec

from config.errors import TroupeError

Name = Literal[
    "after_inbox",  # a message is committed, nobody was told
    "before_decision",  # it is chosen who answers, nothing of that is written
    "after_plan",  # a turn is taken up in the ledger
    "at_token",  # a model has said something, nobody has seen it
    "before_post",  # the post of a message is about to leave
    "after_post",  # it is visible, the ledger does not have its id
    "mid_edit",  # an edit is visible, the ledger does not have its text
    "before_final",  # the whole text is known, the last edit is not made
    "after_final",  # the answer is complete, its turn is not closed
    "in_recovery",  # the turns of an earlier process are found, nobody was told
]
NAMES: tuple[Name, ...] = get_args(Name)
Action = Literal["kill", "throw", "sleep"]
SLEEP_S = 1.0


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


class Armed:
    """What `TROUPE_TRIGGER` says, here or in a file."""

    def __init__(self, words: str) -> None:
        self._file = Path(words[1:]) if words.startswith("@") else None
        self._trigger = None if self._file else parse(words)

    def reach(self, name: Name) -> None:
        """Strike if this is the place and the visit."""
        if self._trigger is None and self._file is not None:
            self._trigger = parse(self._file.read_text().strip())
        if self._trigger is not None and self._trigger.name == name:
            _strike(self._trigger)


_armed = Armed(words) if (words := os.environ.get("TROUPE_TRIGGER")) else None


def reach(name: Name) -> None:
    """Say that the code has come to a place.

    Raises:
        TriggeredError: this place is armed to throw.
    """
    if _armed is not None:
        _armed.reach(name)


def _strike(trigger: Trigger) -> None:
    trigger.left -= 1
    if trigger.left:
        return
    match trigger.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            time.sleep(SLEEP_S)
        case "throw":
            raise TriggeredError(f"Trigger point {trigger.name}.")
