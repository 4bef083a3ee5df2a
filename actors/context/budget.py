"""Making the log fit: the oldest lines go first, in chunks, so that the prefix a provider caches stays."""

import zlib
from collections.abc import Sequence

import msgspec

from actors.context.plan import Line
from actors.context.tokens import estimate_tokens

CHUNK = 8
LINE_OVERHEAD = 12
LONGEST_SHARE = 0.5
CUT_MARK = " […] "


def fit_log(log: Sequence[Line], tokens: int) -> tuple[Line, ...]:
    """Return the newest lines whose estimated tokens fit; at least the last one, shortened if it must be.

    Where the cut falls depends on message ids (one in eight begins a chunk), so that it moves seldom.
    """
    lines = [shorten(line, int(tokens * LONGEST_SHARE)) for line in log]
    costs = [estimate_tokens(line.body) + LINE_OVERHEAD for line in lines]
    start = len(lines)
    while start > 0 and costs[start - 1] <= tokens:
        start -= 1
        tokens -= costs[start]
    if start:
        start = _chunk_start(lines, start)
    return tuple(lines[min(start, len(lines) - 1) :])


def shorten(line: Line, tokens: int) -> Line:
    """Return the line with its middle taken out if it is longer than `tokens`."""
    return msgspec.structs.replace(line, text=shorten_text(line.text, tokens))


def shorten_text(text: str, tokens: int) -> str:
    """Return the text with its middle taken out if it is longer than `tokens`."""
    estimate = estimate_tokens(text)
    if estimate <= tokens:
        return text
    keep = max(20, len(text) * tokens // estimate - len(CUT_MARK))
    return text[: keep * 2 // 3].rstrip() + CUT_MARK + text[-(keep // 3) :].lstrip()


def _chunk_start(lines: Sequence[Line], earliest: int) -> int:
    """Return the next chunk's beginning in the older half of what fits, else the earliest that fits."""
    latest = earliest + (len(lines) - earliest) // 2
    return next((place for place in range(earliest, latest) if _begins_chunk(lines[place])), earliest)


def _begins_chunk(line: Line) -> bool:
    return zlib.crc32(line.id.to_bytes(8, "big")) % CHUNK == 0
