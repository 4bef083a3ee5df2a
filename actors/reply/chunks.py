"""A long text as messages that Discord accepts: cut at paragraphs and sentences, code fences kept whole."""

import re
import unicodedata
from collections.abc import Sequence

import msgspec

LIMIT = 2000
"""Characters of a message (Discord: resources, message). Counted here in UTF-16 units, of which a text never
has fewer than code points, so that it fits whichever of the two the server counts."""
FENCE = "```"
_CLOSING = "\n" + FENCE
_LANGUAGE = re.compile(r"```([A-Za-z0-9_+\-.#]{1,20})\n")
_BREAKS = (
    re.compile(r"\n[^\S\n]*\n\s*"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…。！？])[\"'”’»*_)\]]*\s+"),  # noqa: RUF001 - closing quotes, full-width marks
    re.compile(r"\s+"),
)
"""Where a text may be cut, best first: paragraph, line, sentence, word."""
_FAR_ENOUGH = 0.5
_JOINERS = frozenset("\u200d\ufe0e\ufe0f")


class Piece(msgspec.Struct, frozen=True):
    """One message: `shown` is its text, made of `source[start:end]`; what lies between pieces is space."""

    start: int
    end: int
    shown: str


def split(text: str, limit: int = LIMIT, ends: Sequence[int] = ()) -> tuple[Piece, ...]:
    """Cut `text` into messages; each is at most `limit` long, and none if there is nothing to see.

    A cut depends only on the text before it and on the first character after the room of its message, so
    when a text grows, all pieces but the last stay as they were.

    Args:
        text: the whole text.
        limit: greatest length of a message in UTF-16 units, at least 40.
        ends: where the first pieces must end, for messages that cannot be changed any more.
    """
    pieces: list[Piece] = []
    start, opener = _resume(text, 0, "")
    while start < len(text) or len(pieces) < len(ends):
        is_fixed = len(pieces) < len(ends)
        room = limit - len(opener) - len(_CLOSING)
        end = ends[len(pieces)] if is_fixed else _end(text, start, room, opener)
        body = text[start:end].rstrip()
        if not (is_fixed or body.strip("` \n\t")) and end == len(text) and pieces:
            break
        after = _fence_after(opener, text, start, end)
        pieces.append(Piece(start, end, opener + body + (_CLOSING if after else "")))
        start, opener = _resume(text, end, after)
    return tuple(pieces)


def with_footer(text: str, footer: str, limit: int = LIMIT) -> tuple[str, str | None]:
    """Set `footer` in small print below the text of the last message.

    Returns:
        the last message, and one more for the footer when it has no room there.
    """
    small = "-# " + " ".join(footer.split())
    joined = f"{text}\n{small}" if text else small
    return (joined, None) if length(joined) <= limit else (text, small)


def below(text: str, notice: str) -> str:
    """Set `notice` as a paragraph of its own below `text`, outside of a code block that was left open."""
    if not text.strip():
        return notice
    body = text.rstrip()
    return f"{body}{_CLOSING if _fence_after('', body, 0, len(body)) else ''}\n\n{notice}"


def length(text: str) -> int:
    """Return the length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _end(text: str, start: int, room: int, opener: str) -> int:
    """Return where the piece that starts at `start` ends."""
    latest = _reach(text, start, room)
    if latest == len(text):
        return latest
    window = text[start : latest + 1]
    fences = _fence_spans(opener, window)
    for outside_only in (True, False):
        for pattern in _BREAKS:
            if cut := _last_break(pattern, window, fences if outside_only else ()):
                return start + cut
    return _whole_character(text, start, latest)


def _reach(text: str, start: int, room: int) -> int:
    """Return the farthest end of a piece of at most `room` UTF-16 units."""
    end = min(len(text), start + room)
    while (over := length(text[start:end]) - room) > 0:
        end -= max(1, over // 2)
    return end


def _last_break(pattern: re.Pattern[str], window: str, fences: Sequence[tuple[int, int]]) -> int | None:
    """Return the last break in the farther half that lies in no fence."""
    for found in reversed(list(pattern.finditer(window))):
        at = found.start() + len(found[0].rstrip())
        if at < len(window) * _FAR_ENOUGH:
            return None
        if at < len(window) and not any(first < at < last for first, last in fences):
            return at
    return None


def _fence_spans(opener: str, window: str) -> list[tuple[int, int]]:
    """Return the spans of code blocks, marks included."""
    marks = [found.start() for found in re.finditer(FENCE, window)]
    if opener:
        marks.insert(0, -len(FENCE))
    if len(marks) % 2:
        marks.append(len(window))
    return [(first, last + len(FENCE)) for first, last in zip(marks[::2], marks[1::2], strict=True)]


def _fence_after(opener: str, text: str, start: int, end: int) -> str:
    """Return what opens the code block that is still open at `end`, or an empty text."""
    at = text.find(FENCE, start, end)
    while at >= 0:
        language = _LANGUAGE.match(text, at, end + 1)
        opener = "" if opener else f"{FENCE}{language[1] if language else ''}\n"
        at = text.find(FENCE, at + len(FENCE), end)
    return opener


def _resume(text: str, end: int, opener: str) -> tuple[int, str]:
    """Return where the next piece starts and what opens it.

    Space at the cut is dropped; inside a code block only the line's end, so that indentation stays. A code
    block that would only be closed again is not reopened: the piece before has closed it.
    """
    at = _after_space(text, end)
    if not opener:
        return at, ""
    if text.startswith(FENCE, at):
        return _after_space(text, at + len(FENCE)), ""
    return (end + 1 if text[end : end + 1] == "\n" else end), opener


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _whole_character(text: str, start: int, end: int) -> int:
    """Step back so that no mark is parted from its letter; a fence mark stays whole too."""
    cut = end
    while cut > start + 1 and _is_bound(text, cut):
        cut -= 1
    return cut if cut > start + 1 else end


def _is_bound(text: str, at: int) -> bool:
    return (
        bool(unicodedata.combining(text[at]))
        or text[at] in _JOINERS
        or text[at - 1] == "\u200d"
        or (text[at] == "`" and text[at - 1] == "`")
    )
