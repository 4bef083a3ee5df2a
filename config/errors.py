"""The root of every error that Troupe raises on purpose."""

from typing import Self

from typing_extensions import override


class TroupeError(Exception):
    """An error with a policy: may the caller try again, when, and what may a person be told.

    Each layer derives one small hierarchy from this class and sets the class attributes. All state
    is in positional arguments, so that instances survive pickling across processes with every field.

    Attributes:
        retryable: trying the same thing again may succeed.
        retry_after: seconds to wait before trying again, when the other side said so.
        fatal: no restart mends it, only an operator can; the program ends with its message.
        user_message: one sentence for a person; holds no secret and no internals.
    """

    retryable: bool = False
    retry_after: float | None = None
    fatal: bool = False
    user_message: str = "Something went wrong on our side."

    def __init__(
        self,
        message: str = "",
        retryable: bool | None = None,
        retry_after: float | None = None,
        user_message: str | None = None,
    ) -> None:
        super().__init__(message, retryable, retry_after, user_message)
        self.message = message or type(self).__doc__ or type(self).__name__
        if retryable is not None:
            self.retryable = retryable
        if retry_after is not None:
            self.retry_after = retry_after
        if user_message is not None:
            self.user_message = user_message

    @override
    def __str__(self) -> str:
        return self.message

    def caused_by(self, cause: BaseException) -> Self:
        """Attach `cause` as the explicit cause and return self, for use in a `raise` expression."""
        self.__cause__ = cause
        return self
