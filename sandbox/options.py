"""Option and select values as a client sends them, with the objects they point at."""

from collections.abc import Mapping
from typing import Any

from sandbox.errors import ActionRefusedError
from sandbox.people import Person
from sandbox.simulator import (
    ComponentType,
    OptionType,
    channel_accessible,
    serializers,
    store_interaction_attachment,
    validate_option_value,
)
from sandbox.untyped import sequence

Resolved = dict[str, dict[str, Any]]
_SUBCOMMANDS = frozenset({OptionType.SUBCOMMAND, OptionType.SUBCOMMAND_GROUP})
_ENTITIES: Mapping[int, tuple[str, ...]] = {
    OptionType.USER: ("users",),
    OptionType.CHANNEL: ("channels",),
    OptionType.ROLE: ("roles",),
    OptionType.MENTIONABLE: ("users", "roles"),
}
SELECT_ENTITIES: Mapping[int, tuple[str, ...]] = {
    ComponentType.USER_SELECT: ("users",),
    ComponentType.ROLE_SELECT: ("roles",),
    ComponentType.MENTIONABLE_SELECT: ("users", "roles"),
    ComponentType.CHANNEL_SELECT: ("channels",),
}


def build_options(
    person: Person, channel_id: int, leaf: Mapping[str, Any], given: Mapping[str, Any], *, partial: bool
) -> tuple[list[dict[str, Any]], Resolved]:
    """Return the `options` array and `resolved` of an interaction.

    Args:
        person: who fills in the options.
        channel_id: where.
        leaf: the command or subcommand that declares the options.
        given: values by option name; entities as ids, files as (name, bytes), numbers also as text.
        partial: keep what is valid and ask for nothing (autocomplete).

    Raises:
        ActionRefusedError: an option is missing, unknown or has a value that Discord's client refuses.
    """
    declared = {o["name"]: o for o in sequence(leaf.get("options")) if o["type"] not in _SUBCOMMANDS}
    if unknown := sorted(given.keys() - declared.keys()):
        raise _refused(f"There is no option “{unknown[0]}”.")
    built: list[dict[str, Any]] = []
    resolved: Resolved = {}
    for name, option in declared.items():
        if name not in given:
            if option.get("required") and not partial:
                raise _refused(f"The option “{name}” is needed.")
            continue
        try:
            value = _value(person, channel_id, leaf["name"], option, given[name], resolved)
        except ActionRefusedError:
            if not partial:
                raise
        else:
            built.append({"name": name, "type": option["type"], "value": value})
    return built, resolved


def _value(
    person: Person, channel_id: int, command: str, option: dict[str, Any], raw: Any, resolved: Resolved
) -> Any:
    kind = OptionType(option["type"])
    if kind in _ENTITIES:
        return resolve(person, channel_id, _ENTITIES[kind], raw, resolved)
    with person.refusing():
        value = validate_option_value(command, option, _number(kind, raw))
    if kind is OptionType.ATTACHMENT:
        name, data = value
        return store_interaction_attachment(person.world.state, channel_id, name, data, resolved)
    return value


def _number(kind: OptionType, raw: Any) -> Any:
    if not isinstance(raw, str) or kind not in (OptionType.INTEGER, OptionType.NUMBER):
        return raw
    try:
        return int(raw) if kind is OptionType.INTEGER else float(raw)
    except ValueError:
        return raw


def resolve(person: Person, channel_id: int, kinds: tuple[str, ...], raw: Any, resolved: Resolved) -> str:
    """Add the object with the id `raw` to `resolved` and return the id.

    Raises:
        ActionRefusedError: no object of these kinds has that id, or the person cannot see it.
    """
    text = str(raw)
    if not text.isdecimal():
        raise _refused("Choose one of the list.")
    found = [kind for kind in kinds if _add(person, channel_id, kind, int(text), resolved)]
    if not found:
        raise _refused("Choose one of the list.")
    return text


def _add(person: Person, channel_id: int, kind: str, wanted: int, resolved: Resolved) -> bool:
    state = person.world.state
    guild = state.guilds.get(state.get_channel(channel_id).guild_id or 0)
    if kind == "users" and wanted in state.users:
        resolved.setdefault("users", {})[str(wanted)] = serializers.user_payload(state.users[wanted])
        if guild is not None and wanted in guild.members:
            member = dict(serializers.member_payload(state, guild, guild.members[wanted], with_user=False))
            member["permissions"] = str(state.compute_permissions(guild.id, wanted, channel_id))
            resolved.setdefault("members", {})[str(wanted)] = member
        return True
    if kind == "roles" and guild is not None and wanted in guild.roles:
        resolved.setdefault("roles", {})[str(wanted)] = serializers.role_payload(guild.roles[wanted])
        return True
    if kind == "channels" and guild is not None and channel_accessible(state, wanted, person.id):
        payload = dict(serializers.channel_payload(state, state.get_channel(wanted)))
        payload["permissions"] = str(state.compute_permissions(guild.id, person.id, wanted))
        resolved.setdefault("channels", {})[str(wanted)] = payload
        return True
    return False


def _refused(words: str) -> ActionRefusedError:
    return ActionRefusedError(words, user_message=words)
