"""Noticing that a model says the same thing over and over."""

TAIL = 1200
PROBE = 16
SHORTEST_RUN = 96
SHORTEST_KEPT = 12
SHORTEST_RUN_OF_SIGNS = 400
COPIES = 3
CHECK_EVERY = 64
SENTENCE_ENDS = ".!?\n…"


def find_loop(text: str, end: int) -> int | None:
    """Return where to cut `text[:end]` so that one copy of a repeating tail stays, or None.

    A loop is at least three copies of the same characters, at least 96 characters long in all; a run
    of signs alone (a ruler, a table) must be 400 long.
    """
    tail = text[max(0, end - TAIL) : end]
    again = tail.rfind(tail[-PROBE:], 0, -1)
    if again < 0 or len(tail) <= PROBE:
        return None
    period = len(tail) - PROBE - again
    run = _run(tail, period)
    unit = tail[-period:]
    shortest = SHORTEST_RUN if any(map(str.isalnum, unit)) else SHORTEST_RUN_OF_SIGNS
    if run < max(COPIES * period, shortest):
        return None
    return _sentence_end(text, end - (run - max(period - 1, SHORTEST_KEPT)) // period * period, period)


def is_checkpoint(text: str, position: int) -> bool:
    """True where a loop is looked for: behind a sentence and every 64 characters."""
    return position % CHECK_EVERY == 0 or text[position - 1] in SENTENCE_ENDS


def _run(tail: str, period: int) -> int:
    """Return how many characters at the end repeat with this period."""
    place = len(tail) - 1
    while place >= period and tail[place] == tail[place - period]:
        place -= 1
    return len(tail) - 1 - place + period


def _sentence_end(text: str, cut: int, period: int) -> int:
    """Move a cut forward to the end of a sentence if one ends within the next copy."""
    return next((place for place in range(cut, cut + period) if text[place - 1] in SENTENCE_ENDS), cut)
