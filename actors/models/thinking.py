"""Thought written inline, as `<think>…</think>` before the answer, told apart from speech."""

OPENINGS = ("<think>", "<thinking>")


class InlineThought:
    """Splits a stream's text into thought and speech. One instance per stream.

    Only a block that opens the answer is thought: a character may say the word later on.
    """

    def __init__(self) -> None:
        self._held = ""
        self._closing: str = ""
        self._decided = False

    def split(self, text: str) -> tuple[str, str]:
        """Return the thought and the speech that `text` adds; a possible half of a tag is held back."""
        if self._decided:
            return "", text
        self._held += text
        if not self._closing and not self._open():
            return "", ""
        return self._speak() if self._decided else self._think()

    def finish(self) -> tuple[str, str]:
        """Return what was held back, at the end of the stream."""
        held, self._held = self._held, ""
        return (held, "") if self._closing and not self._decided else ("", held)

    def _open(self) -> bool:
        """Decide how the answer begins; False while both are possible."""
        begin = self._held.lstrip()
        for opening in OPENINGS:
            if begin.startswith(opening):
                self._closing = opening.replace("<", "</")
                self._held = begin[len(opening) :]
                return True
        if any(opening.startswith(begin) for opening in OPENINGS):
            return False
        self._decided = True
        return True

    def _speak(self) -> tuple[str, str]:
        held, self._held = self._held, ""
        return "", held

    def _think(self) -> tuple[str, str]:
        thought, found, speech = self._held.partition(self._closing)
        if found:
            self._decided = True
            self._held = ""
            return thought, speech.lstrip()
        keep = _half_tag(thought, self._closing)
        self._held = thought[len(thought) - keep :]
        return thought[: len(thought) - keep], ""


def _half_tag(text: str, tag: str) -> int:
    """Return how many characters at the end of `text` may be the beginning of `tag`."""
    return next((n for n in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:n])), 0)
