"""The client for every server that speaks OpenAI's chat or completions protocol."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from functools import partial

import aiohttp

from actors.models.address import url_of, without_secrets
from actors.models.answer import Answer, redacted
from actors.models.body import body_of, path_of
from actors.models.chat import ChatEvent, ChatRequest, Delta, Endpoint
from actors.models.errors import (
    BadAnswerError,
    BadRequestError,
    ModelTimeoutError,
    ModelUnavailableError,
    StreamBrokenError,
)
from actors.models.gathering import Gatherer
from actors.models.pauses import asked_pause
from actors.models.refusals import read_complaint, refusal

CONNECT_S = 10.0
IDLE_S = 45.0
"""Silence, without even a comment line, after which a stream counts as hung."""

LONGEST_S = 600.0
"""For requests that name no deadline."""

GRACE_S = 2.0
"""How long to wait for the token counts after the finish reason."""

DRAIN_S = 0.25
"""How long to wait for the end of the HTTP answer, so that its connection can be used again."""

BODY_LIMIT = 8 * 1024**2
HTTP_OK = 200
HTTP_ERRORS = 400
NO_LIMIT = 0


def new_session() -> aiohttp.ClientSession:
    """Return a session fit for many streams at once; one per process, closed by its owner."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=NO_LIMIT, keepalive_timeout=60.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Troupe"},
        raise_for_status=False,
    )


class OpenAIChat:
    """A `ChatModel` over HTTP. Retrying belongs to the layer that knows what is already shown.

    Only a connection that closes before the answer's first byte is replaced, once: it was kept from an
    earlier request, and llama.cpp closes such connections although it announces to keep them.

    Args:
        session: what to ask with.
        idle_s: seconds of silence after which a stream is given up.
        gather_s: after the first token of a stream the next ones may lie in the kernel for so long, so that
            several cost one wake-up; 0 passes each on as it comes.
    """

    def __init__(
        self, session: aiohttp.ClientSession, *, idle_s: float = IDLE_S, gather_s: float = 0.0
    ) -> None:
        self._session = session
        self._idle_s = idle_s
        self._gatherer = Gatherer(gather_s) if gather_s else None

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Yield deltas and at last one `Finished`; closing the iterator closes the connection at once.

        Raises:
            ModelError: any failure, typed by cause.
        """
        endpoint = request.endpoint
        if endpoint is None:
            raise BadRequestError("A request for the embedded model came to the HTTP client")
        response = await self._post(request, endpoint)
        answer = Answer()
        try:
            await _check(response, endpoint)
            while (delta := await _next(response, answer)) is not None:
                yield delta
                if self._gatherer is not None:
                    self._gatherer.hold(response)
            yield answer.verdict()
            await _drain(response)
        finally:
            response.close()

    async def _post(self, request: ChatRequest, endpoint: Endpoint) -> aiohttp.ClientResponse:
        left = request.deadline - time.time() if request.deadline else LONGEST_S
        if left <= 0:
            raise ModelTimeoutError("The deadline had passed before the request was sent")
        timeout = aiohttp.ClientTimeout(
            total=left, sock_connect=CONNECT_S, sock_read=self._idle_s, ceil_threshold=math.inf
        )
        post = partial(
            self._session.post,
            url_of(endpoint.base_url, path_of(request)),
            data=body_of(request, endpoint),
            headers=headers_of(endpoint) | {"Content-Type": "application/json"},
            timeout=timeout,
            allow_redirects=False,
        )
        with _connecting(endpoint):
            try:
                return await post()
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                return await post()


async def _next(response: aiohttp.ClientResponse, answer: Answer) -> Delta | None:
    """Return the next piece of text, or None when no more will come."""
    in_one_piece = response.content_type == "application/json" and not answer.complete
    if in_one_piece and (delta := answer.feed_whole(await _whole(response))) is not None:
        return delta
    while not (answer.complete or answer.failure is not None):
        if not (chunk := await _more(response, answer)):
            break
        if (delta := answer.feed(chunk)) is not None:
            return delta
    return answer.finish()


async def _more(response: aiohttp.ClientResponse, answer: Answer) -> bytes:
    """Return the next bytes; none at the end, which after the finish reason may also be a broken one."""
    if not answer.ended:
        with _reading():
            return await response.content.readany()
    try:
        async with asyncio.timeout(GRACE_S):
            return await response.content.readany()
    except (TimeoutError, aiohttp.ClientError, OSError):
        return b""


async def _drain(response: aiohttp.ClientResponse) -> None:
    try:
        async with asyncio.timeout(DRAIN_S):
            await response.content.read()
    except (TimeoutError, aiohttp.ClientError, OSError):
        return


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """Return the body, cut at `BODY_LIMIT`."""
    parts: list[bytes] = []
    with _reading():
        while (part := await response.content.readany()) and sum(map(len, parts)) < BODY_LIMIT:
            parts.append(part)
    return b"".join(parts)


async def _check(response: aiohttp.ClientResponse, endpoint: Endpoint) -> None:
    """Go on only if this is the answer that was asked for.

    Raises:
        ModelError: a refusal, a redirect (which could carry the key elsewhere), or a web page.
    """
    as_html = response.content_type == "text/html"
    if response.status == HTTP_OK:
        if as_html:
            raise BadAnswerError("A web page came back instead of an answer; is the base URL right?")
        return
    if response.status < HTTP_ERRORS:
        raise BadAnswerError(f"HTTP {response.status}: the server sends us elsewhere; is the base URL right?")
    complaint = redacted(read_complaint(await _whole(response)), endpoint.api_key)
    pause = asked_pause(response.status, response.headers)
    raise refusal(response.status, complaint, pause, as_html=as_html)


async def get(session: aiohttp.ClientSession, endpoint: Endpoint, path: str, within_s: float) -> bytes:
    """GET `path` on a server and return the body of a good answer.

    Raises:
        ModelError: any failure, typed by cause.
    """
    timeout = aiohttp.ClientTimeout(total=within_s, ceil_threshold=math.inf)
    with _connecting(endpoint):
        response = await session.get(
            url_of(endpoint.base_url, path),
            headers=headers_of(endpoint),
            timeout=timeout,
            allow_redirects=False,
        )
    try:
        await _check(response, endpoint)
        return await _whole(response)
    finally:
        response.close()


def headers_of(endpoint: Endpoint) -> dict[str, str]:
    """Return the headers that carry the key, if there is one."""
    return {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}


@contextmanager
def _connecting(endpoint: Endpoint) -> Generator[None, None, None]:
    """Turn failures before the answer's headers into ours; the order is from special to general."""
    try:
        yield
    except TimeoutError as error:
        raise ModelTimeoutError("No answer within the deadline") from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError) as error:
        raise BadRequestError(f"Not a usable address: {without_secrets(endpoint.base_url)}") from error
    except aiohttp.ClientResponseError as error:
        raise BadAnswerError(f"The server does not speak HTTP: {error.message}") from error
    except (aiohttp.ClientError, OSError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ModelUnavailableError(
            f"No connection to {without_secrets(endpoint.base_url)}: {reason}"
        ) from error


@contextmanager
def _reading() -> Generator[None, None, None]:
    """Turn failures in the middle of an answer into ours."""
    try:
        yield
    except TimeoutError as error:
        raise ModelTimeoutError("The stream fell silent or its deadline passed") from error
    except (aiohttp.ClientError, OSError) as error:
        raise StreamBrokenError(f"The connection broke: {error}") from error
