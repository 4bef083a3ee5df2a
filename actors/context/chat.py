"""Rendering for models that take chat messages: stable parts first, clock and direction last."""

from collections.abc import Iterable

from actors.context.budget import fit_log
from actors.context.plan import ContextPlan, Identity, Line
from actors.context.tokens import estimate_tokens
from actors.models.chat import ChatMessage, Role
from storage.records import Venue

LEAST_LOG = 256
OPENING = "(The conversation so far.)"


def render_chat(plan: ContextPlan, budget: int) -> tuple[ChatMessage, ...]:
    """Return one system message and the log as alternating messages, within about `budget` tokens."""
    system, direction = _system(plan), _direction(plan)
    left = budget - estimate_tokens(system) - estimate_tokens(direction)
    log = fit_log(plan.log, max(left, LEAST_LOG))
    spoken: list[tuple[Role, str]] = [(_role(line), _spoken(line)) for line in log]
    if log[0].own:
        spoken.insert(0, ("user", OPENING))
    spoken.append(("user", direction))
    return (ChatMessage("system", system), *_alternate(spoken))


def _system(plan: ContextPlan) -> str:
    name = plan.identity.label
    parts = [
        f"You are {name}, a character in a conversation on Discord.",
        *_sections(plan.identity),
        _section("Where you are", _place(plan.venue, plan.company)),
        _section("Rules", _rules(name)),
    ]
    return "\n\n".join(part for part in parts if part)


def _sections(identity: Identity) -> Iterable[str]:
    name = identity.label
    examples = "\n\n".join(f"Someone: {said}\n{name}: {answer}" for said, answer in identity.examples)
    yield _section("Who you are", identity.who)
    yield _section("How you speak", identity.speech)
    yield _section("What you say when you enter", identity.first_message)
    yield _section("How you have answered before", examples)


def _section(title: str, body: str) -> str:
    return f"# {title}\n{body.strip()}" if body.strip() else ""


def _place(venue: Venue, company: tuple[str, ...]) -> str:
    name = f" called {venue.name}" if venue.name else ""
    adult = " It is marked for adults." if venue.nsfw else ""
    place = {
        "dm": "A private conversation between you and one person.",
        "thread": f"A thread{name}, in a server where several people write.",
        "guild": f"A channel{name}, in a server where several people write.",
    }[venue.kind]
    others = f"\nOther characters here: {', '.join(company)}. They speak for themselves." if company else ""
    return place + adult + others


def _rules(name: str) -> str:
    return (
        f"Write the next message of {name} and nothing else, in {name}'s own voice.\n"
        "Do not write anyone's name in front, no time stamps, and never speak for anybody else.\n"
        "Each message above yours is given as [time] name: text; only what stands there was said.\n"
        "Speak as one does in a chat: as short or as long as the moment asks for. "
        "Discord's markdown works."
    )


def _role(line: Line) -> Role:
    return "assistant" if line.own else "user"


def _spoken(line: Line) -> str:
    if line.own:
        return line.body
    remarks = [f"in reply to {line.quotes}"] if line.quotes else []
    remarks += ["edited"] if line.edited else []
    remark = f" ({'; '.join(remarks)})" if remarks else ""
    return f"[{line.at:%Y-%m-%d %H:%M}] {line.label}{remark}: {indent(line.body)}"


def indent(text: str) -> str:
    """Return text whose further lines cannot pass for somebody else's message."""
    return text.replace("\n", "\n  ")


def _direction(plan: ContextPlan) -> str:
    name, current = plan.identity.label, plan.current
    when = f"It is {plan.now:%A, %d %B %Y, %H:%M} UTC."
    if current.only_calls:
        return f"({when} {current.label} calls {name} without saying more: speak to the conversation.)"
    if plan.log[-1].id == current.lines[-1].id:
        return f"({when} Answer {current.label} as {name}.)"
    said = "\n".join(indent(line.body) for line in current.lines)
    return f"({when} Answer as {name} what {current.label} said: {said})"


def _alternate(spoken: list[tuple[Role, str]]) -> Iterable[ChatMessage]:
    """Join neighbours of one role: many chat templates insist on alternation."""
    role, words = spoken[0][0], [spoken[0][1]]
    for next_role, text in spoken[1:]:
        if next_role != role:
            yield ChatMessage(role, "\n".join(words))
            role, words = next_role, []
        words.append(text)
    yield ChatMessage(role, "\n".join(words))
