"""A reply ends where the model begins to speak for somebody else."""

from collections.abc import Iterable

from actors.reply.labels import label_pattern, may_become_label

GENERIC = ("User", "Human")


class Others:
    """Ends at a line that begins with another's label; removes the own label from further lines."""

    def __init__(self, speaker: str, others: Iterable[str]) -> None:
        foreign = sorted({*others, *GENERIC} - {speaker})
        self._names = [speaker, *foreign]
        self._own = label_pattern([speaker])
        self._foreign = label_pattern(foreign)
        self._held = ""
        self._line_start = True
        self.ended = False

    def feed(self, text: str) -> str:
        """Take more text and return what is now certain; the ambiguous rest is held back."""
        self._held += text
        out: list[str] = []
        while self._held and not self.ended:
            if self._line_start and not self._begin_line():
                break
            line, newline, self._held = self._held.partition("\n")
            out.append(line + newline)
            self._line_start = bool(newline)
        return "".join(out)

    def end(self) -> str:
        """Return what was held back, now that nothing follows."""
        rest, self._held = self._held, ""
        if self.ended:
            return ""
        return self._own.sub("", rest, count=1) if self._line_start and self._own.match(rest) else rest

    def _begin_line(self) -> bool:
        """Decide on the line's beginning; False when it is another's or not yet certain."""
        if self._foreign.match(self._held):
            self.ended = True
            return False
        if own := self._own.match(self._held):
            if own.end() == len(self._held):
                return False
            self._held = self._held[own.end() :].lstrip(" ")
            self._line_start = False
            return bool(self._held)
        self._line_start = may_become_label(self._held, self._names)
        return not self._line_start
