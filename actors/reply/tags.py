"""Thinking tags, invented message tags and special tokens: what a model writes that is not speech."""

import re

RESTART = "\0"
"""Emitted where what came before turns out to have been thought. Input never holds it."""

THINKING = (
    *("think", "thinking", "ant_thinking", "antthinking", "reasoning", "thought", "thoughts"),
    *("reflection", "scratchpad", "analysis", "character_analysis", "understanding"),
)
ENVELOPES = ("message", "msg", "chat_log")
LONGEST_TAG = 160
LONGEST_TOKEN = 44

THINK_TAG = re.compile(
    rf"<\s{{0,3}}(?P<close>/?)\s{{0,3}}(?:{'|'.join(THINKING)})(?:\s[^<>]{{0,100}}?)?(?P<empty>/?)>",
    re.IGNORECASE,
)
END_OF_REPLY = re.compile(
    rf"</?(?:{'|'.join(ENVELOPES)})(?:\s[^<>]{{0,100}})?>|</?s>|<(?:start|end)_of_turn>"
    r"|<\|[\w ▁-]{1,40}\|>|\[/?INST\]",
    re.IGNORECASE,
)
_OPEN_ENDED = tuple(f"<{slash}{name}" for slash in ("", "/") for name in (*THINKING, *ENVELOPES))
_CLOSED = ("<s>", "</s>", "<start_of_turn>", "<end_of_turn>", "[inst]", "[/inst]")
_SPACES = re.compile(r"\s+")


class Tags:
    """Removes thoughts and tags, and ends the reply where the model begins another message.

    Thought runs from an opening tag to its closing tag, or to the end when it is never closed. A closing
    tag without an opening one is removed; if it begins a line (the model's template opened the thought
    for it), what came before was thought, and `RESTART` is emitted.
    """

    def __init__(self) -> None:
        self._held = ""
        self._depth = 0
        self._spoken = False
        self._opened = False
        self._at_line_start = True
        self.ended = False

    def feed(self, text: str) -> str:
        """Take more text and return what is now certain; the ambiguous rest is held back."""
        self._held += text
        out: list[str] = []
        while self._held and not self.ended:
            step = self._step()
            if step is None:
                break
            emitted, used = step
            self._held = self._held[used:]
            self._note(emitted)
            out.append(emitted)
        return "".join(out)

    def end(self) -> str:
        """Return what was held back, now that nothing follows."""
        rest, self._held = self._held, ""
        return "" if self._depth or self.ended else rest

    def _step(self) -> tuple[str, int] | None:
        """Return what to emit and how much input that uses, or None to wait for more."""
        bracket = _next_bracket(self._held)
        if bracket:
            return self._aloud(self._held[:bracket]), bracket
        if tag := THINK_TAG.match(self._held):
            return self._thought(tag), tag.end()
        if self._depth == 0 and (tag := END_OF_REPLY.match(self._held)):
            self.ended = self._spoken
            return "", tag.end()
        return None if _may_become_tag(self._held) else (self._aloud(self._held[0]), 1)

    def _aloud(self, text: str) -> str:
        return "" if self._depth else text

    def _thought(self, tag: re.Match[str]) -> str:
        if tag["empty"]:
            return ""
        if not tag["close"]:
            self._depth += 1
            self._opened = True
            return ""
        if self._depth:
            self._depth -= 1
            return ""
        orphan = self._spoken and self._at_line_start and not self._opened
        self._opened = True
        return RESTART if orphan else ""

    def _note(self, emitted: str) -> None:
        if emitted == RESTART:
            self._spoken = False
        elif words := emitted.strip(" \t"):
            self._spoken = self._spoken or not words.isspace()
            self._at_line_start = words.endswith("\n")


def _next_bracket(text: str) -> int:
    places = (text.find("<"), text.find("["))
    return min((place for place in places if place >= 0), default=len(text))


def _may_become_tag(fragment: str) -> bool:
    """True for every beginning of a tag, and for little else."""
    if ">" in fragment or "<" in fragment[1:]:
        return False
    tight = _SPACES.sub("", fragment).lower()
    if tight.startswith("<|"):
        return len(fragment) <= LONGEST_TOKEN
    return len(fragment) <= LONGEST_TAG and (
        any(name.startswith(tight) for name in (*_OPEN_ENDED, *_CLOSED)) or tight.startswith(_OPEN_ENDED)
    )
