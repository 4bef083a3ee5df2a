"""A parsed REST request and its reply, between the socket (`sandbox.rest`) and the handlers."""

import io
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sandbox.calls import Call
from sandbox.simulator import BackendError, RequestContext
from sandbox.state import DiscordState
from sandbox.untyped import record


class Upload(msgspec.Struct, kw_only=True):
    """One file of a multipart request, in the shape that SimCord reads."""

    index: int
    filename: str
    data: bytes
    description: str | None = None

    @property
    def fp(self) -> io.BytesIO:
        """The content as a file."""
        return io.BytesIO(self.data)


class Inquiry(msgspec.Struct, kw_only=True):
    """One request: classified path, JSON body, query, files, audit log reason."""

    call: Call
    json: Any = None
    params: Mapping[str, str] = {}
    files: list[Upload] = []
    reason: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body, empty when it is no object."""
        return record(self.json)

    @property
    def segments(self) -> list[str]:
        """The path's parts."""
        return self.call.path.strip("/").split("/")

    def flag(self, name: str) -> bool:
        """Read a boolean of the query."""
        return self.params.get(name, "").lower() in {"1", "true"}

    def snowflake(self, text: str) -> int:
        """Read a snowflake.

        Raises:
            BackendError: 50035 when it is none.
        """
        if not text.isascii() or not text.isdecimal():
            raise BackendError(400, 50035, f'Invalid Form Body: Value "{text}" is not snowflake.')
        return int(text)

    def context(self, state: DiscordState, **args: str) -> RequestContext:
        """Return what SimCord's own handlers take."""
        return RequestContext(
            state,
            args,
            json=self.json,
            params=dict(self.params),
            files=list(self.files),
            reason=self.reason,
            method=self.call.method,
            path=self.call.path,
        )


Handler = Callable[[Inquiry], Any]
"""Answers a request: None for 204, else what becomes JSON. Raises `BackendError` for Discord's errors."""
