"""Which handler answers a request: the sandbox's own where Discord does more, else SimCord's."""

from typing import Any

from sandbox.answers import Answers
from sandbox.requests import Handler, Inquiry
from sandbox.simulator import (
    BackendError,
    RouteNotImplemented,
    UnsupportedField,
    bot_message,
    dispatch,
    serializers,
)
from sandbox.threads import open_by_message
from sandbox.untyped import record, sequence
from sandbox.validation import check_content, check_files, check_nonce
from sandbox.webhooks import Webhooks
from sandbox.world import World

IDENTIFIES_PER_DAY = 1000
_PORTAL_FLAGS = 1 << 12 | 1 << 14 | 1 << 18
"""Application flags: presence, members and message content intents approved for a small bot's guilds."""


_NULLABLE = frozenset({"default_member_permissions", "contexts"})
_APPLICATION = {
    "type": None,
    "flags_new": str(_PORTAL_FLAGS),
    "redirect_uris": [],
    "interactions_endpoint_url": None,
    "role_connections_verification_url": None,
    "explicit_content_filter": 0,
    "eligible_oauth2_scopes": ["bot", "applications.commands"],
    "approximate_guild_count": 1,
    "approximate_user_install_count": 0,
    "approximate_user_authorization_count": 0,
}
"""Fields of the application that SimCord leaves out."""


class Routes:
    """Finds and runs the handler of a request.

    Attributes:
        gateway_url: told by GET /gateway; the server sets it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._answers = Answers(world)
        self._own: dict[str, Handler] = {
            "GET /gateway": lambda _: {"url": self.gateway_url},
            "GET /gateway/bot": self._gateway_bot,
            "GET /oauth2/applications/@me": self._application,
            "GET /applications/@me": self._application,
            "PATCH /users/@me": self._edit_self,
            "POST /channels/{id}/messages": self._create_message,
            **Webhooks(world).routes,
            **self._answers.routes,
        }
        self.gateway_url = ""

    def answer(self, inquiry: Inquiry) -> Any:
        """Run the handler.

        Returns:
            What becomes JSON, or None for 204.

        Raises:
            BackendError: Discord's answer to a request that fails.
        """
        try:
            return self._run(inquiry)
        except (RouteNotImplemented, UnsupportedField) as gap:
            self._world.gaps.append(str(gap))
            raise BackendError(400, 0, f"The sandbox lacks this: {gap.message}") from gap
        except BackendError as error:
            if error.code == 50035 and "empty message" in error.message:  # noqa: PLR2004 - Discord's codes
                raise BackendError(400, 50006, "Cannot send an empty message") from error
            raise
        except (KeyError, ValueError, TypeError) as error:
            raise BackendError(400, 50035, f"Invalid Form Body: {error!r}") from error

    def _run(self, inquiry: Inquiry) -> Any:
        call = inquiry.call
        if call.kind == "interaction" and call.webhook_id and len(inquiry.segments) > 2:  # noqa: PLR2004 - /webhooks/id/token
            return self._answers.follow(inquiry)
        own = self._own.get(call.route)
        if own is not None:
            return own(inquiry)
        return self._finish(
            dispatch(
                self._world.state,
                call.method,
                call.path,
                json=inquiry.json,
                params=dict(inquiry.params),
                files=list(inquiry.files),
                reason=inquiry.reason,
            )
        )

    def _finish(self, answer: Any) -> Any:
        if items := sequence(answer):
            return [self._finish(item) for item in items]
        one = record(answer)
        if "author" in one and "channel_id" in one:
            self._world.state.finish_message(one)
        elif "application_id" in one and "options" in one:
            shown = {name: value for name, value in one.items() if value is not None or name in _NULLABLE}
            return shown | {"version": one["id"]}
        return answer

    def _create_message(self, inquiry: Inquiry) -> dict[str, Any]:
        state, body, channel_id = self._world.state, inquiry.body, inquiry.call.channel_id
        channel = state.get_channel(channel_id)
        if channel.guild_id is None and state.dms_closed.intersection(channel.recipient_ids):
            raise BackendError(403, 50007, "Cannot send messages to this user")
        if channel.guild_id is not None:
            needed = "send_messages_in_threads" if channel.is_thread else "send_messages"
            state.require_permissions(channel.guild_id, self._world.bot_id, channel_id, needed)
        check_content(body)
        check_files(inquiry.files)
        open_by_message(state, channel)
        nonce = body.get("nonce")
        if nonce is not None:
            check_nonce(nonce)
            repeated = state.message_of_nonce(channel_id, self._world.bot_id, nonce)
            if repeated is not None and body.get("enforce_nonce"):
                return state.message_payload(repeated)
        state.nonce_in_hand = nonce
        try:
            return state.message_payload(bot_message(inquiry.context(state), channel_id))
        finally:
            state.nonce_in_hand = None

    def _gateway_bot(self, _inquiry: Inquiry) -> dict[str, Any]:
        start = {
            "total": IDENTIFIES_PER_DAY,
            "remaining": IDENTIFIES_PER_DAY,
            "reset_after": 0,
            "max_concurrency": 1,
        }
        return {"url": self.gateway_url, "shards": 1, "session_start_limit": start}

    def _application(self, inquiry: Inquiry) -> dict[str, Any]:
        path = "/oauth2/applications/@me"
        payload: dict[str, Any] = dispatch(self._world.state, "GET", path, params=dict(inquiry.params))
        payload["owner"] = self._world.user_payload(self._world.owner_id)
        payload["flags"] = _PORTAL_FLAGS
        return payload | _APPLICATION

    def _edit_self(self, inquiry: Inquiry) -> dict[str, Any]:
        world, body = self._world, inquiry.body
        if "avatar" in body:
            avatar = body["avatar"]
            digest = world.assets.store_avatar(world.bot_id, avatar) if avatar is not None else None
            world.state.bot_user.avatar = digest
        if body.get("username") is not None:
            world.state.bot_user.name = body["username"]
        world.state.emit("USER_UPDATE", serializers.user_payload(world.state.bot_user))
        return world.user_payload(world.bot_id)
