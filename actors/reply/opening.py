"""What a model puts before its first word: its own name, a time stamp, white space."""

import re

from actors.reply.labels import label_pattern, may_become_label

STAMP = re.compile(r"[\[(]\d{1,4}[-/.:][\d\-/.: T,]{1,30}(?:[AaPp]\.?[Mm]\.?|[A-Z]{1,4})?[\])]")
STAMP_SO_FAR = re.compile(r"[\[(](?:\d{1,4}(?:[-/.:][\d\-/.: T,]{0,30}(?:[AaPp]\.?[Mm]?\.?|[A-Z]{0,4})?)?)?")
PASSES = 5


class Opening:
    """Strips the own name's label and time stamps, in any order, up to five times, then lets all pass."""

    def __init__(self, speaker: str) -> None:
        self._names = [speaker]
        self._label = label_pattern(self._names)
        self._held = ""
        self._settled = False
        self._passes = 0
        self.ended = False

    def feed(self, text: str) -> str:
        """Take more text and return what is now certain; the ambiguous rest is held back."""
        if self._settled:
            return text
        self._held = (self._held + text).lstrip()
        while self._strips():
            pass
        return self._settle() if self._held and not self._may_go_on() else ""

    def end(self) -> str:
        """Return what was held back, now that nothing follows."""
        if self._settled:
            return ""
        while self._strips(final=True):
            pass
        return self._settle()

    def _strips(self, *, final: bool = False) -> bool:
        """Remove one label or stamp, once its end is certain."""
        found = self._label.match(self._held) or STAMP.match(self._held)
        if found is None or self._passes >= PASSES or (found.end() == len(self._held) and not final):
            return False
        self._passes += 1
        self._held = self._held[found.end() :].lstrip()
        return True

    def _may_go_on(self) -> bool:
        if self._passes >= PASSES:
            return False
        complete = self._label.fullmatch(self._held) or STAMP.fullmatch(self._held)
        partial = STAMP_SO_FAR.fullmatch(self._held) or may_become_label(self._held, self._names)
        return bool(complete or partial)

    def _settle(self) -> str:
        self._settled = True
        rest, self._held = self._held, ""
        return rest
