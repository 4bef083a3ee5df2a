"""One streamed answer: bytes in, deltas out, and at the end a verdict."""

import msgspec

from actors.models.chat import Delta, Finished, FinishReason, Usage
from actors.models.errors import (
    BadAnswerError,
    ContentRefusedError,
    EmptyAnswerError,
    ModelError,
    ModelUnavailableError,
    StreamBrokenError,
)
from actors.models.refusals import Complaint, read_complaint, refusal
from actors.models.sse import EventTooLargeError, SseParser
from actors.models.thinking import InlineThought
from actors.models.wire import Event, Piece, decode_event, finish_of, usage_of

DONE = b"[DONE]"
MID_STREAM_STATUS = 502
"""An error inside a stream that names no status is the server's own."""


class Answer:
    """Collects what a server sends in reply to one request.

    Attributes:
        ended: the finish reason has come; token counts may still follow.
        complete: nothing more is to come.
        failure: what went wrong in mid-stream; the text before it is still good.
    """

    def __init__(self) -> None:
        self.ended = False
        self.complete = False
        self.failure: ModelError | None = None
        self._sse = SseParser()
        self._inline = InlineThought()
        self._reason: FinishReason = "stop"
        self._usage: Usage | None = None
        self._model = ""
        self._events = 0
        self._spoke = False
        self._thought = False

    def feed(self, chunk: bytes) -> Delta | None:
        """Take bytes of an event stream and return the text in them, if any."""
        try:
            return self._take_all(self._sse.feed(chunk))
        except EventTooLargeError as error:
            self._fail(BadAnswerError(str(error)))
            return None

    def feed_whole(self, body: bytes) -> Delta | None:
        """Take the body of a server that answered in one piece, although asked to stream."""
        delta = self._take_all([body])
        self.ended = self.complete = True
        return delta

    def finish(self) -> Delta | None:
        """Return what is still held back, when the server has nothing more to send."""
        if self.failure is not None:
            return None
        rest = None if self.complete else self._take_all(_whole_only(self._sse.finish()))
        thought, speech = self._inline.finish()
        return self._delta(thought + (rest.reasoning if rest else ""), (rest.text if rest else "") + speech)

    def verdict(self) -> Finished:
        """Return the regular end.

        Raises:
            ModelError: the stream failed, broke off, was no stream at all, or brought nothing to show.
        """
        if self.failure is not None:
            raise self.failure
        if not self._events:
            raise BadAnswerError("The server sent no event of the protocol")
        if not self.ended and not self.complete:
            raise StreamBrokenError("The stream ended without a finish reason")
        if not self._spoke:
            raise self._silence()
        return Finished(self._reason, self._usage, self._model)

    def _silence(self) -> ModelError:
        if self._reason == "content_filter":
            return ContentRefusedError("The provider's filter withheld the answer")
        if self._thought:
            return EmptyAnswerError(f"Only thought, no speech, until the finish reason {self._reason!r}")
        return EmptyAnswerError(f"No text, finish reason {self._reason!r}")

    def _take_all(self, events: list[bytes]) -> Delta | None:
        text = thought = ""
        for data in events:
            if self.complete or self.failure is not None:
                break
            if data == DONE:
                self.complete = True
                break
            more_thought, more_text = self._take(data)
            thought += more_thought
            text += more_text
        return self._delta(thought, text)

    def _take(self, data: bytes) -> tuple[str, str]:
        try:
            event = decode_event(data)
        except msgspec.DecodeError:
            shown = read_complaint(data).message
            self._fail(BadAnswerError(f"Not an event of the protocol: {shown}"))
            return "", ""
        self._events += 1
        if event.is_error:
            complaint = read_complaint(data)
            self._fail(refusal(complaint.status or MID_STREAM_STATUS, complaint))
            return "", ""
        return self._take_event(event)

    def _take_event(self, event: Event) -> tuple[str, str]:
        self._usage = usage_of(event) or self._usage
        self._model = event.model or self._model
        if not event.choices:
            return "", ""
        choice = event.choices[0]
        if choice.finish_reason:
            self._end(choice.finish_reason)
        piece: Piece | None = choice.delta or choice.message
        if piece is None:
            return self._inline.split(choice.text or "")
        thought, text = self._inline.split(piece.text)
        return (piece.reasoning or piece.reasoning_content or "") + thought, text

    def _end(self, reason: str) -> None:
        if reason == "error":
            self._fail(ModelUnavailableError("The provider ended the stream with an error"))
        self.ended = True
        self._reason = finish_of(reason)

    def _fail(self, error: ModelError) -> None:
        self.failure = error

    def _delta(self, thought: str, text: str) -> Delta | None:
        if not thought and not text:
            return None
        self._thought = self._thought or bool(thought.strip())
        self._spoke = self._spoke or bool(text.strip())
        return Delta(text, thought)


def _whole_only(events: list[bytes]) -> list[bytes]:
    """Leave out an event that the end of the stream cut in half: it is no other protocol, it is a break."""
    return [data for data in events if data == DONE or _is_json(data)]


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except msgspec.DecodeError:
        return False
    return True


def redacted(complaint: Complaint, secret: str | None) -> Complaint:
    """Return the complaint without our key, which some servers repeat to us."""
    if not secret or secret not in complaint.message:
        return complaint
    return msgspec.structs.replace(complaint, message=complaint.message.replace(secret, "[redacted]"))
