"""From what a model streams to what a reader sees."""

import re
from collections.abc import Iterable

from actors.models.errors import EmptyAnswerError
from actors.reply.loops import find_loop, is_checkpoint
from actors.reply.opening import Opening
from actors.reply.others import Others
from actors.reply.tags import RESTART, Tags

LAST_SENTENCE = re.compile(r".*[.!?…][\"'”’*_)]*(?=\s|$)", re.DOTALL)  # noqa: RUF001 - closing quotes
WORTH_KEEPING = 0.5


class ReplyPipeline:
    """Cleans one reply as it streams in. How the stream is split never changes the result.

    The visible text only grows, with three exceptions, each a clean-up of what should not have been
    shown: a closing thinking tag without an opening one makes all before it thought, and with `tidy` a
    loop is cut back to its first copy, and `end(truncated=True)` drops a sentence cut off in the middle.

    Args:
        speaker: whose reply it is.
        others: the names of everyone else; a line that begins with one ends the reply.
        tidy: clean up after a small model, which repeats itself and is always cut off; a large model may
            mean every word.
    """

    def __init__(self, speaker: str, others: Iterable[str] = (), *, tidy: bool = False) -> None:
        self._speaker = speaker
        self._tidy = tidy
        self._others = tuple(others)
        self._tags = Tags()
        self._restart()
        self._before_restart = ""
        self._looped = False

    @property
    def ended(self) -> bool:
        """True when nothing that follows can be part of the reply: the model may be stopped."""
        return self._tags.ended or self._is_cut

    @property
    def _is_cut(self) -> bool:
        """True when what came so far ends the reply, whatever the tags behind it say."""
        return self._looped or self._opening.ended or self._others_stage.ended

    @property
    def visible(self) -> str:
        """The text so far that is certain to be part of the reply."""
        return self._said.rstrip()

    def feed(self, delta: str) -> str:
        """Take more text from the model and return the whole visible text so far."""
        if not self.ended:
            self._take(self._tags.feed(delta.replace(RESTART, "")))
        return self.visible

    def end(self, *, truncated: bool = False) -> str:
        """Return the final text.

        Args:
            truncated: the model was cut off by its token limit; an unfinished sentence is dropped.

        Raises:
            EmptyAnswerError: nothing visible was said.
        """
        self._take(self._tags.end())
        self._say(self._others_stage.feed(self._opening.end()))
        self._say(self._others_stage.end())
        text = self.visible or self._before_restart
        if not text:
            raise EmptyAnswerError
        return _whole_sentences(text) if self._tidy and truncated and not self.ended else text

    def _take(self, text: str) -> None:
        first, *after = text.split(RESTART)
        self._pass(first)
        for piece in after:
            if self._is_cut:
                return
            self._before_restart = self.visible
            self._restart()
            self._pass(piece)

    def _restart(self) -> None:
        self._opening = Opening(self._speaker)
        self._others_stage = Others(self._speaker, self._others)
        self._said = ""

    def _pass(self, text: str) -> None:
        self._say(self._others_stage.feed(self._opening.feed(text)))

    def _say(self, text: str) -> None:
        if self._looped:
            return
        start = len(self._said)
        self._said += text
        if self._tidy:
            self._cut_loop(start)

    def _cut_loop(self, start: int) -> None:
        said = self._said
        for position in range(start + 1, len(said) + 1):
            if is_checkpoint(said, position) and (cut := find_loop(said, position)) is not None:
                self._said = said[:cut]
                self._looped = True
                return


def _whole_sentences(text: str) -> str:
    whole = LAST_SENTENCE.match(text)
    if whole is not None and whole.end() >= len(text) * WORTH_KEEPING:
        return whole[0]
    return text + "…"
