"""What a stream of any worker may carry: the events of chat, and blobs such as sound or an image."""

from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from actors.models.chat import ChatEvent, ChatRequest


class Blob(msgspec.Struct, frozen=True, tag="blob"):
    """A piece of the result that is not text; how it travels depends on its size and is nobody's concern."""

    media_type: str
    data: bytes


Result = ChatEvent | Blob


class StreamModel(Protocol):
    """What a worker runs. Every `ChatModel` is one."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[Result, None]:
        """Yield the results. Closing the iterator cancels the work.

        Raises:
            ModelError: any failure, typed by cause (`actors.models.errors`).
        """
        ...
