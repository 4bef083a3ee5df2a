"""A name that outlives its bearers: mail waits while there is none, and poison is taken out."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from config import metrics
from config.logs import get_logger
from supervision.errors import BufferFullError

log = get_logger(__name__)


class Mail(Protocol):
    """What is sent.

    Attributes:
        deaths: bearers that failed of it.
    """

    deaths: int


M = TypeVar("M", bound=Mail)
M_contra = TypeVar("M_contra", contravariant=True)


class Bearer(Protocol[M_contra]):
    """Whoever receives the mail now."""

    def put(self, mail: M_contra, /, *, always: bool) -> None:
        """Take one piece of mail; raise when the bearer is gone or, unless `always`, too busy."""
        ...


class Handle(Generic[M]):
    """A stable address. Send to it at any time; a new bearer gets what the last one left unread.

    Mail that a bearer failed of goes first to the next one, up to `lives` times; then it is a dead letter.
    """

    def __init__(
        self,
        name: str,
        dead_letter: Callable[[M, BaseException], object],
        *,
        limit: int = 1_000,
        lives: int = 3,
    ) -> None:
        """Make a name that nobody bears yet.

        Args:
            name: for people.
            dead_letter: gets mail that killed its bearer `lives` times, and what the last one failed of.
            limit: pieces of new mail that wait while nobody bears the name.
            lives: bearers that one piece of mail may kill.
        """
        self.name = name
        self._dead_letter = dead_letter
        self._limit = limit
        self._lives = lives
        self._waiting: deque[M] = deque()
        self._bearer: Bearer[M] | None = None

    @property
    def is_borne(self) -> bool:
        """True while somebody receives mail."""
        return self._bearer is not None

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, mail: M) -> None:
        """Deliver, or keep until there is a bearer.

        Raises:
            BufferFullError: nobody bears the name and too much waits already.
            Exception: the bearer refused, for instance because its mailbox is full.
        """
        if self._bearer is not None:
            self._bearer.put(mail, always=False)
        elif len(self._waiting) >= self._limit:
            metrics.shed.labels("no_bearer").inc()
            raise BufferFullError(f"{self.name!r} is down and {self._limit} messages wait for it.")
        else:
            self._waiting.append(mail)

    def attach(self, bearer: Bearer[M]) -> None:
        """Let `bearer` receive what waits, in order, and all that comes."""
        while self._waiting:
            bearer.put(self._waiting[0], always=True)
            self._waiting.popleft()
        self._bearer = bearer

    def detach(
        self,
        bearer: Bearer[M],
        unread: Sequence[M],
        culprit: M | None = None,
        error: BaseException | None = None,
    ) -> None:
        """The bearer is gone; of one that was gone before, only the mail counts.

        Args:
            bearer: who. It may come again, with mail that another thread put in at the instant of its end.
            unread: what it left, in order.
            culprit: what it failed of, when that was a piece of mail.
            error: what it failed with.
        """
        if bearer is not self._bearer:
            for mail in unread:
                self._forward(mail)
            return
        self._bearer = None
        self.keep(unread)
        if culprit is not None and error is not None:
            self.blame(culprit, error)

    def keep(self, unread: Sequence[M]) -> None:
        """Let mail that a bearer left unread wait before all other, also beyond the limit."""
        self._waiting.extendleft(reversed(unread))

    def blame(self, culprit: M, error: BaseException) -> None:
        """A bearer failed of `culprit` with `error`: it goes first to the next one, or is a dead letter."""
        culprit.deaths += 1
        if culprit.deaths < self._lives:
            self._waiting.appendleft(culprit)
            return
        metrics.shed.labels("poison").inc()
        log.error("poison_message", name=self.name, deaths=culprit.deaths)
        try:
            self._dead_letter(culprit, error)
        except Exception as failure:  # noqa: BLE001 - whatever it fails of is its own affair
            log.error("dead_letter_failed", name=self.name, error=type(failure).__name__)  # noqa: TRY400 - a trace may show the message

    def _forward(self, mail: M) -> None:
        if self._bearer is not None:
            with suppress(Exception):  # it is about to be detached, and the next one gets the mail
                self._bearer.put(mail, always=True)
                return
        self._waiting.append(mail)

    def close(self, refuse: Callable[[M], None]) -> None:
        """Nobody will ever bear the name again: hand all that waits to `refuse`."""
        self._limit = 0
        while self._waiting:
            with suppress(Exception):
                refuse(self._waiting.popleft())
