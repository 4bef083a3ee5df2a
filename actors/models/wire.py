"""What model servers send, decoded tolerantly: every field may be absent, be null or stand elsewhere."""

import msgspec

from actors.models.chat import FinishReason, Usage

NOTHING = msgspec.Raw(b"")
NULL = b"null"

FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}


class Part(msgspec.Struct):
    """A part of content, in servers that send it so; only text parts have a text."""

    text: str | None = None


class Piece(msgspec.Struct):
    """A `delta` of a stream or the `message` of a whole answer."""

    content: str | list[Part] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None

    @property
    def text(self) -> str:
        """What is said."""
        content = self.content
        if content is None or isinstance(content, str):
            return content or ""
        return "".join(part.text or "" for part in content)


class Choice(msgspec.Struct):
    """One choice; `text` belongs to the completions form, `usage` here is llama.cpp's place for it."""

    delta: Piece | None = None
    message: Piece | None = None
    text: str | None = None
    finish_reason: str | None = None
    usage: msgspec.Raw = NOTHING


class Event(msgspec.Struct):
    """The data of one event, or a whole answer. The last four fields are those of error shapes."""

    choices: list[Choice] | None = None
    model: str | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING
    object: str | None = None
    message: msgspec.Raw = NOTHING
    detail: msgspec.Raw = NOTHING

    @property
    def is_error(self) -> bool:
        """The event says that something failed, in any of the known shapes."""
        if bytes(self.error) not in {b"", NULL} or self.object == "error":
            return True
        return self.choices is None and bool(bytes(self.message) or bytes(self.detail))


class _Counts(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None


_events = msgspec.json.Decoder(Event)
_counts = msgspec.json.Decoder(_Counts | None, strict=False)


def decode_event(data: bytes) -> Event:
    """Decode the data of one event.

    Raises:
        msgspec.DecodeError: it is not JSON, or not of this protocol at all.
    """
    return _events.decode(data)


def usage_of(event: Event) -> Usage | None:
    """Return the token counts, from whichever place; unusable counts are as good as none."""
    places = [event.usage, *(choice.usage for choice in event.choices or ())]
    for place in places:
        if not bytes(place):
            continue
        try:
            counts = _counts.decode(place)
        except msgspec.DecodeError:
            continue
        if counts is not None:
            return Usage(counts.prompt_tokens or 0, counts.completion_tokens or 0, counts.cost)
    return None


def finish_of(reason: str) -> FinishReason:
    """Return our word for the server's finish reason."""
    return FINISH_REASONS.get(reason.lower(), "other")
