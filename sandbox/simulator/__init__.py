"""The one place that names SimCord's internals.

SimCord holds the semantics of Discord (permissions, messages, interactions, threads). It is built for
use inside a test, so the sandbox reaches below its public surface; a test imports every name here, and
the version is pinned, so that a change upstream shows itself at once.
"""

from datetime import UTC, datetime
from typing import Any

from simcord import _modal
from simcord._clock import Clock
from simcord.backend import Backend, serializers
from simcord.backend.access import channel_accessible, message_accessible, reaction_permissions
from simcord.backend.cdn import CDN_BASE, CdnStore
from simcord.backend.command_access import command_access
from simcord.backend.errors import BackendError, OptionError, SetupError
from simcord.backend.models import (
    AllowedMentions,
    Channel,
    Guild,
    Interaction,
    Invite,
    Member,
    Message,
    Role,
    User,
    Webhook,
)
from simcord.backend.models.interaction import ResponseKind
from simcord.components import validate_modal, walk_components
from simcord.enums import (
    SELECT_TYPES,
    AppCommandType,
    ChannelType,
    ComponentType,
    InteractionType,
    OptionType,
)
from simcord.http import routes as _routes
from simcord.http._helpers import bot_message, message_edit_changes, message_response
from simcord.http.router import RequestContext, RouteNotImplemented, UnsupportedField, dispatch
from simcord.intents import (
    PRIVILEGED_INTENTS,
    censor_message,
    prune_guild_create,
    required_intent,
)
from simcord.interactions import (
    base_payload,
    command_leaves,
    nest_options,
    store_interaction_attachment,
    validate_option_value,
    walk_to_subcommand,
)
from typing_extensions import override

__all__ = (
    "CDN_BASE",
    "PRIVILEGED_INTENTS",
    "ROUTE_MODULES",
    "SELECT_TYPES",
    "AllowedMentions",
    "AppCommandType",
    "Backend",
    "BackendError",
    "CdnStore",
    "Channel",
    "ChannelType",
    "Clock",
    "ComponentType",
    "Guild",
    "Interaction",
    "InteractionType",
    "Invite",
    "Member",
    "Message",
    "OptionError",
    "OptionType",
    "RealClock",
    "RequestContext",
    "ResponseKind",
    "Role",
    "RouteNotImplemented",
    "SeedClock",
    "SetupError",
    "UnsupportedField",
    "User",
    "Webhook",
    "base_payload",
    "bot_message",
    "censor_message",
    "channel_accessible",
    "command_access",
    "command_leaves",
    "dispatch",
    "fill_control",
    "message_accessible",
    "message_edit_changes",
    "message_response",
    "nest_options",
    "prune_guild_create",
    "reaction_permissions",
    "required_intent",
    "serializers",
    "store_interaction_attachment",
    "validate_modal",
    "validate_option_value",
    "walk_components",
    "walk_to_subcommand",
)

ROUTE_MODULES: tuple[str, ...] = tuple(_routes.__all__)
"""SimCord's route modules; importing them is what registers their handlers."""


class RealClock(Clock):
    """Wall time for SimCord, whose own clock is virtual."""

    @override
    def now(self) -> datetime:
        return datetime.now(UTC)


class SeedClock(Clock):
    """A clock that stands still, so that a first run hands out the same snowflakes everywhere."""

    @override
    def now(self) -> datetime:
        return datetime(2025, 1, 1, tzinfo=UTC)


def fill_control(
    control: dict[str, Any],
    values: dict[str, Any],
    resolved: dict[str, dict[str, Any]],
    channel_id: int,
    uploads: list[tuple[dict[str, Any], str, bytes]],
) -> dict[str, Any]:
    """Return a modal's control as its submission carries it; files to store are added to `uploads`.

    Raises:
        SetupError: the value does not fit the control.
    """
    fill = _modal._modal_leaf  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - no public door
    return fill(None, control, values, resolved, channel_id, uploads) or {}
