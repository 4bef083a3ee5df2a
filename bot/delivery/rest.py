"""A thin client for the requests that a delivery makes, on aiohttp, with every limit obeyed.

Why not discord.py's webhooks: `docs/decisions/0002-webhooks-without-discord-py.md`.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import aiohttp
import msgspec
from discord.http import Route

from actors.reply.outlet import DeliveryError, VenueGoneError
from bot.delivery.answers import MessageAnswer, WebhookAnswer, read_refusal
from bot.delivery.calls import HTTP_TOO_MANY, Call, Ticket, Told, Urgency, read_headers
from bot.delivery.errors import (
    AnswerLostError,
    BadFormError,
    MessageGoneError,
    RequestRefusedError,
    WebhookGoneError,
    WebhookUnavailableError,
)
from bot.delivery.line import Line
from config import metrics
from storage.stores.webhooks import Webhook

REQUEST_S = 15.0
"""Deadline of one request, from its sending to the end of its answer."""
USER_AGENT = "DiscordBot (Troupe, 0.1)"
"""Discord's edge wants this form (reference, user agent)."""
NO_MENTIONS: dict[str, list[str]] = {"parse": []}
HTTP_ERROR = 400
HTTP_SERVER_ERROR = 500
_REFUSALS: dict[int, type[DeliveryError]] = {
    10003: VenueGoneError,  # unknown channel
    10004: VenueGoneError,  # unknown guild
    10008: MessageGoneError,
    10015: WebhookGoneError,
    50001: VenueGoneError,  # missing access
    50013: VenueGoneError,  # missing permissions
    50027: WebhookGoneError,  # the webhook's token is no longer valid
    50035: BadFormError,
    50083: VenueGoneError,  # the thread is archived
    160005: VenueGoneError,  # the thread is locked
    30007: WebhookUnavailableError,  # all places of the channel are taken
    30058: WebhookUnavailableError,  # all places of the guild are taken
}
_FORBIDDEN = 403

Answer = TypeVar("Answer")

Text = Callable[[], str]
"""Asked when the request really leaves, so that what is sent is the newest."""


class WebhookRest:
    """Requests to Discord's REST. A 429 waits and goes on; cancel the call to give up.

    Args:
        session: what to send with; its connector is shared with discord.py's where one was injected.
        token: the bot's token, for what webhooks cannot do themselves.
        line: where requests wait for their permit.
    """

    def __init__(self, session: aiohttp.ClientSession, token: str, line: Line) -> None:
        self._session = session
        self._authorization = f"Bot {token}"
        self.line = line

    async def execute(
        self, webhook: Webhook, text: Text, look: dict[str, str], thread_id: int | None, ticket: Ticket
    ) -> MessageAnswer:
        """Post a message; `look` holds `username` and `avatar_url`.

        Raises:
            AnswerLostError: it may have been posted.
            DeliveryError: it was not; the class says why.
        """
        call = Call(
            kind="execute",
            method="POST",
            path=f"/webhooks/{webhook.id}/{webhook.token}",
            channel_id=webhook.channel_id,
            webhook_id=webhook.id,
            query={"wait": "true"} | _thread(thread_id),
        )
        body = _body(lambda: {"content": text(), "allowed_mentions": NO_MENTIONS} | look)
        return _decode(await self._send(call, ticket, body), MessageAnswer)

    async def edit(
        self, webhook: Webhook, message_id: int, text: Text, thread_id: int | None, ticket: Ticket
    ) -> None:
        """Change a message.

        Raises:
            AnswerLostError: it may have been changed; the same edit may be sent again.
            DeliveryError: it was not; the class says why.
        """
        call = Call(
            kind="edit",
            method="PATCH",
            path=f"/webhooks/{webhook.id}/{webhook.token}/messages/{message_id}",
            channel_id=webhook.channel_id,
            webhook_id=webhook.id,
            query=_thread(thread_id),
        )
        await self._send(call, ticket, _body(lambda: {"content": text(), "allowed_mentions": NO_MENTIONS}))

    async def delete(self, webhook: Webhook, message_id: int, thread_id: int | None, ticket: Ticket) -> None:
        """Delete a message; raises as `edit`."""
        call = Call(
            kind="delete",
            method="DELETE",
            path=f"/webhooks/{webhook.id}/{webhook.token}/messages/{message_id}",
            channel_id=webhook.channel_id,
            webhook_id=webhook.id,
            query=_thread(thread_id),
        )
        await self._send(call, ticket)

    async def messages_after(self, channel_id: int, message_id: int, ticket: Ticket) -> list[MessageAnswer]:
        """Return up to 100 messages that follow a message or a snowflake; raises as `edit`."""
        call = Call(
            kind="look",
            method="GET",
            path=f"/channels/{channel_id}/messages",
            channel_id=channel_id,
            query={"after": str(message_id), "limit": "100"},
            by_bot=True,
        )
        return _decode(await self._send(call, ticket), list[MessageAnswer])

    async def webhooks_of(self, channel_id: int) -> list[WebhookAnswer]:
        """Return all webhooks of a channel; raises as `edit`."""
        call = Call(
            kind="list",
            method="GET",
            path=f"/channels/{channel_id}/webhooks",
            channel_id=channel_id,
            by_bot=True,
        )
        return _decode(await self._send(call, self.ticket(Urgency.POST)), list[WebhookAnswer])

    async def create_webhook(self, channel_id: int, name: str, avatar: str | None) -> WebhookAnswer:
        """Create a webhook; `avatar` is a data URI. Raises as `execute`."""
        call = Call(
            kind="create",
            method="POST",
            path=f"/channels/{channel_id}/webhooks",
            channel_id=channel_id,
            by_bot=True,
        )
        body = _body(lambda: {"name": name} | ({"avatar": avatar} if avatar else {}))
        return _decode(await self._send(call, self.ticket(Urgency.POST), body), WebhookAnswer)

    async def dress_webhook(self, webhook: Webhook, name: str, avatar: str | None) -> None:
        """Give a webhook another name and face; raises as `edit`."""
        call = Call(
            kind="dress",
            method="PATCH",
            path=f"/webhooks/{webhook.id}/{webhook.token}",
            channel_id=webhook.channel_id,
            webhook_id=webhook.id,
        )
        await self._send(call, self.ticket(Urgency.POST), _body(lambda: {"name": name, "avatar": avatar}))

    async def show_typing(self, channel_id: int) -> None:
        """Show the bot typing for ten seconds; raises as `edit`."""
        call = Call(
            kind="typing",
            method="POST",
            path=f"/channels/{channel_id}/typing",
            channel_id=channel_id,
            by_bot=True,
        )
        await self._send(call, self.ticket(Urgency.CARE))

    def ticket(self, urgency: Urgency) -> Ticket:
        """Return a place in the line for a wish of this moment."""
        return Ticket(urgency, asyncio.get_running_loop().time())

    async def _send(self, call: Call, ticket: Ticket, body: Callable[[], bytes] | None = None) -> bytes:
        """Send until the answer is not a 429."""
        while True:
            permit = await self.line.enter(call, ticket)
            told = None
            try:
                status, told, answer = await self._once(call, body)
            finally:
                self.line.leave(permit, told)
                metrics.edits.labels(call.kind, _outcome(told)).inc()
            if status == HTTP_TOO_MANY:
                continue
            if status >= HTTP_SERVER_ERROR:
                raise AnswerLostError(f"{call.kind}: HTTP {status}")
            if status >= HTTP_ERROR:
                raise _refusal(call, status, answer)
            return answer

    async def _once(self, call: Call, body: Callable[[], bytes] | None) -> tuple[int, Told, bytes]:
        headers = {"User-Agent": USER_AGENT}
        if call.by_bot:
            headers["Authorization"] = self._authorization
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = Route.BASE + call.path
        try:
            async with (
                asyncio.timeout(REQUEST_S),
                self._session.request(
                    call.method,
                    url,
                    params=call.query,
                    data=body() if body is not None else None,
                    headers=headers,
                ) as answer,
            ):
                data = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AnswerLostError(f"{call.kind}: {type(error).__name__}").caused_by(error) from error
        wait = read_refusal(data).retry_after if answer.status == HTTP_TOO_MANY else None
        return answer.status, read_headers(answer.status, answer.headers, wait), data


def _outcome(told: Told | None) -> str:
    if told is None:
        return "lost"
    if told.status == HTTP_TOO_MANY:
        return "rate_limited"
    return "ok" if told.status < HTTP_ERROR else "refused"


def _refusal(call: Call, status: int, body: bytes) -> DeliveryError:
    refusal = read_refusal(body)
    kind = _REFUSALS.get(refusal.code)
    if kind is None:
        kind = VenueGoneError if status == _FORBIDDEN else RequestRefusedError
    return kind(f"{call.kind}: HTTP {status}, code {refusal.code}: {refusal.message[:200]}")


def _thread(thread_id: int | None) -> dict[str, str]:
    return {"thread_id": str(thread_id)} if thread_id else {}


def _body(fields: Callable[[], dict[str, Any]]) -> Callable[[], bytes]:
    return lambda: msgspec.json.encode(fields())


def _decode(data: bytes, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise AnswerLostError("The answer is not what it should be.").caused_by(error) from error
