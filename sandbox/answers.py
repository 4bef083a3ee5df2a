"""The bot's answers to interactions: Discord's rules on kinds, deadlines and tokens around SimCord's."""

from typing import Any

from sandbox.requests import Handler, Inquiry
from sandbox.simulator import BackendError, Interaction, InteractionType, dispatch
from sandbox.untyped import record, sequence
from sandbox.validation import CHOICES_LIMIT, check_content, check_files, form_error
from sandbox.world import World

_AUTOCOMPLETE_RESULT = 8
_MODAL = 9
_NEVER = "9999"
_ON_MESSAGE = frozenset({6, 7})


class Answers:
    """Handlers of interaction callbacks, follow-ups and `@original`."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def routes(self) -> dict[str, Handler]:
        """Handlers by method and route template; those under `/webhooks` serve interaction tokens only."""
        original = "/webhooks/{id}/{token}/messages/@original"
        routes: dict[str, Handler] = {"POST /interactions/{id}/{token}/callback": self.callback}
        return routes | {f"{method} {original}": self.follow for method in ("GET", "PATCH", "DELETE")}

    def callback(self, inquiry: Inquiry) -> Any:
        """First answer to an interaction."""
        state = self._world.state
        interaction = state.interactions.get(inquiry.snowflake(inquiry.segments[1]))
        data = record(inquiry.body.get("data"))
        if interaction is not None and not interaction.responded:
            _check_kind(interaction, inquiry.body.get("type"), data)
        check_content(data)
        check_files(inquiry.files)
        answer = self._dispatch(inquiry)
        if interaction is not None:
            self._finish(record(answer))
            self._world.note_answer(interaction.id)
        return answer if inquiry.flag("with_response") else None

    def follow(self, inquiry: Inquiry) -> Any:
        """Follow up, or read, edit or delete an answer, with the interaction's token."""
        interaction = self._of_token(inquiry.call.token)
        check_content(inquiry.body)
        check_files(inquiry.files)
        loading = interaction.loading
        answer = self._dispatch(inquiry)
        if answer is not None:
            self._world.state.finish_message(record(answer))
        if loading and not interaction.loading:
            self._world.note_answer(interaction.id)
        return answer

    def _of_token(self, token: str) -> Interaction:
        state = self._world.state
        interaction = state.interactions.get(state.interaction_tokens.get(token, 0))
        if interaction is None or (interaction.expires_at or _NEVER) <= state.now_iso():
            raise BackendError(401, 50027, "Invalid Webhook Token")
        if not interaction.responded:
            raise BackendError(404, 10015, "Unknown Webhook")
        return interaction

    def _dispatch(self, inquiry: Inquiry) -> Any:
        return dispatch(
            self._world.state,
            inquiry.call.method,
            inquiry.call.path,
            json=inquiry.json,
            params=dict(inquiry.params),
            files=list(inquiry.files),
            reason=inquiry.reason,
        )

    def _finish(self, answer: dict[str, Any]) -> None:
        interaction = record(answer.get("interaction"))
        for name in [name for name, value in interaction.items() if value is None]:
            del interaction[name]
        message = record(record(answer.get("resource")).get("message"))
        if message:
            self._world.state.finish_message(message)


def _check_kind(interaction: Interaction, kind: Any, data: dict[str, Any]) -> None:
    completes = interaction.type == InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE
    fits = completes == (kind == _AUTOCOMPLETE_RESULT)
    if kind == _MODAL and interaction.type == InteractionType.MODAL_SUBMIT:
        fits = False
    if kind in _ON_MESSAGE and interaction.source_message_id is None:
        fits = False
    if not fits:
        raise form_error(
            "type", "INTERACTION_RESPONSE_TYPE_INVALID", "Not a valid answer to this interaction."
        )
    if completes and len(sequence(data.get("choices"))) > CHOICES_LIMIT:
        message = f"Must be {CHOICES_LIMIT} or fewer in length."
        raise form_error("data", "BASE_TYPE_MAX_LENGTH", message)
