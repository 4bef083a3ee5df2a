"""The shape of a streaming cleaner."""

from typing import Protocol


class Stage(Protocol):
    """A pure transducer: what it has emitted depends on the text it was fed, never on how that was split."""

    @property
    def ended(self) -> bool:
        """True when nothing that follows can be part of the reply."""
        ...

    def feed(self, text: str) -> str:
        """Take more text and return what is now certain; the ambiguous rest is held back."""
        ...

    def end(self) -> str:
        """Return what was held back, now that nothing follows."""
        ...
