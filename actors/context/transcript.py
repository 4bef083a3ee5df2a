"""Rendering for very small models: a plain transcript that shows rather than tells."""

import re
from itertools import takewhile

from actors.context.budget import shorten_text
from actors.context.plan import ContextPlan, Identity, Line
from actors.context.tokens import estimate_tokens

LOG_LINES = 3
LINE_TOKENS = 60
PERSONA_TOKENS = 90
VISITOR = "Visitor"
LEAST_EXAMPLES = 2
SENTENCE = re.compile(r".+?(?<!\.)[.!?](?=\s+[A-Z]|\s*$)", re.DOTALL)


def render_transcript(plan: ContextPlan, budget: int) -> str:
    """Return one line of persona, example exchanges and the newest lines, ending where the answer begins.

    The answer's beginning is `opening_words`: the caller puts them before what the model goes on with.
    """
    head = _head(plan.identity)
    left = budget - estimate_tokens(head)
    lines = [_flat(line) for line in _chosen(plan)]
    while len(lines) > 1 and sum(map(estimate_tokens, lines)) > left:
        lines.pop(0)
    return "\n".join([head, *lines, f"{plan.identity.label}: {opening_words(plan.identity)}".rstrip()])


def opening_words(identity: Identity) -> str:
    """Return the words with which all examples begin; a small model keeps a voice that is begun for it."""
    answers = [_one_line(answer) for _, answer in identity.examples]
    if len(answers) < LEAST_EXAMPLES:
        return ""
    columns = takewhile(lambda chars: len(set(chars)) == 1, zip(*answers, strict=False))
    shared = "".join(chars[0] for chars in columns)
    while shared and shared[-1].isalnum():
        shared = shared[:-1]
    return shared.rstrip()


def _head(identity: Identity) -> str:
    examples = [
        f"{VISITOR}: {_one_line(said)}\n{identity.label}: {_one_line(answer)}"
        for said, answer in identity.examples
    ]
    persona = shorten_text(_one_line(f"{_lead(identity.who)} {_lead(identity.speech)}"), PERSONA_TOKENS)
    if not examples and identity.first_message:
        examples = [f"{identity.label}: {_one_line(identity.first_message)}"]
    return "\n".join([persona or f"{identity.label} talks with visitors.", "", *examples])


def _lead(text: str) -> str:
    """Return the first sentence: a small model holds no more."""
    found = SENTENCE.match(text.strip())
    return found[0] if found else text.strip()


def _chosen(plan: ContextPlan) -> list[Line]:
    """Return the newest lines of others, what is being answered last: own lines would only be repeated."""
    answering = {line.id for line in plan.current.lines}
    before = [line for line in plan.log if line.id not in answering and not line.own]
    return [*before, *plan.current.lines][-LOG_LINES:]


def _flat(line: Line) -> str:
    return f"{line.label}: {shorten_text(_one_line(line.body.replace('@', '')), LINE_TOKENS)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
