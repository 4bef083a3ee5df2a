"""What a person does with the bot's commands, buttons, selects and forms.

Every function returns `sandbox.world.answer_payload` once the bot has answered; its `kind` is None when
the bot let the 3 seconds pass, as when Discord says "The application did not respond".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.errors import ActionRefusedError
from sandbox.forms import Form
from sandbox.options import SELECT_ENTITIES, build_options, resolve
from sandbox.people import Person
from sandbox.simulator import (
    SELECT_TYPES,
    AppCommandType,
    ComponentType,
    InteractionType,
    Message,
    base_payload,
    command_access,
    nest_options,
    walk_components,
    walk_to_subcommand,
)
from sandbox.untyped import sequence
from sandbox.world import answer_payload

_LINK_STYLES = frozenset({5, 6})


async def run_command(
    person: Person, channel_id: int, path: Sequence[str], options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Use a slash command: its name, then group and subcommand; values as in `options.build_options`."""
    root, leaf, nesting = _find(person, channel_id, path)
    built, resolved = build_options(person, channel_id, leaf, options or {}, partial=False)
    data = _command_data(root) | {"options": nest_options(root, nesting, built)}
    if resolved:
        data["resolved"] = resolved
    return await _start(person, InteractionType.APPLICATION_COMMAND, channel_id, data, command=" ".join(path))


async def complete(
    person: Person, channel_id: int, path: Sequence[str], options: Mapping[str, Any], focused: str
) -> dict[str, Any]:
    """Ask the bot for suggestions for the option `focused`, whose text so far is among `options`."""
    root, leaf, nesting = _find(person, channel_id, path)
    option = next((o for o in sequence(leaf.get("options")) if o["name"] == focused), None)
    if option is None or not option.get("autocomplete"):
        raise ActionRefusedError("No autocomplete", user_message="There are no suggestions for that.")
    others = {name: value for name, value in options.items() if name != focused}
    built, _ = build_options(person, channel_id, leaf, others, partial=True)
    typed = str(options.get(focused, ""))
    built.append({"name": focused, "type": option["type"], "value": typed, "focused": True})
    data = _command_data(root) | {"options": nest_options(root, nesting, built)}
    return await _start(person, InteractionType.APPLICATION_COMMAND_AUTOCOMPLETE, channel_id, data)


async def run_menu(
    person: Person, channel_id: int, name: str, *, message_id: int | None = None, user_id: int | None = None
) -> dict[str, Any]:
    """Use a context-menu command on a message or a user."""
    kind = AppCommandType.MESSAGE if message_id is not None else AppCommandType.USER
    root = _root(person, channel_id, name, kind)
    resolved: dict[str, dict[str, Any]] = {}
    if message_id is not None:
        message = person.visible(channel_id, message_id)
        resolved["messages"] = {str(message_id): person.world.state.message_payload(message)}
    else:
        resolve(person, channel_id, ("users",), user_id, resolved)
    data = _command_data(root) | {"target_id": str(message_id or user_id), "resolved": resolved}
    return await _start(person, InteractionType.APPLICATION_COMMAND, channel_id, data)


async def press(
    person: Person, channel_id: int, message_id: int, custom_id: str, values: Sequence[str] | None = None
) -> dict[str, Any]:
    """Press a button, or choose `values` (ids or option values) in a select."""
    with person.refusing():
        message = person.visible(channel_id, message_id)
    component = _component(message, custom_id)
    data: dict[str, Any] = {"custom_id": custom_id, "component_type": component["type"]}
    if "id" in component:
        data["id"] = component["id"]
    if component["type"] in SELECT_TYPES:
        data |= _chosen(person, channel_id, component, list(values or ()))
    return await _start(person, InteractionType.MESSAGE_COMPONENT, channel_id, data, source=message)


async def submit_modal(person: Person, interaction_id: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """Send the form that the bot showed as its answer to an interaction; values as in `forms.Form`."""
    shown = person.own_interaction(interaction_id)
    if shown.modal is None or shown.modal_consumed:
        raise ActionRefusedError("No open form", user_message="That form is no longer open.")
    source = None
    if shown.source_message_id is not None:
        source = person.world.state.messages.get(shown.channel_id, {}).get(shown.source_message_id)
    data = Form(person, shown.channel_id, shown.modal, values).data()
    shown.modal_consumed = True
    return await _start(person, InteractionType.MODAL_SUBMIT, shown.channel_id, data, source=source)


async def _start(
    person: Person,
    kind: InteractionType,
    channel_id: int,
    data: dict[str, Any],
    source: Message | None = None,
    command: str | None = None,
) -> dict[str, Any]:
    world = person.world
    with person.refusing():
        channel = person.reachable(channel_id)
        record, payload = base_payload(
            world.state,
            type=int(kind),
            channel_id=channel_id,
            guild_id=channel.guild_id,
            user_id=person.id,
            data=data,
        )
    if command is not None:
        record.command_name = command
    owner = str(channel.guild_id) if channel.guild_id is not None else "0"
    payload["authorizing_integration_owners"] = {"0": owner}
    if source is not None:
        record.source_message_id = source.id
        payload["message"] = world.state.message_payload(source)
    world.state.emit("INTERACTION_CREATE", payload)
    await world.answer(record)
    return answer_payload(record)


def _root(person: Person, channel_id: int, name: str, kind: AppCommandType) -> dict[str, Any]:
    state = person.world.state
    with person.refusing():
        channel = person.reachable(channel_id)
        root = state.find_command(name, channel.guild_id, type=kind)
        if root is None or not command_access(state, root, user_id=person.id, channel_id=channel_id).allowed:
            raise ActionRefusedError("No such command", user_message=f"There is no command “{name}” here.")
    return root


def _find(
    person: Person, channel_id: int, path: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    root = _root(person, channel_id, path[0] if path else "", AppCommandType.CHAT_INPUT)
    with person.refusing():
        leaf, nesting = walk_to_subcommand(root, list(path[1:]))
    return root, leaf, nesting


def _command_data(root: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {"id": root["id"], "name": root["name"], "type": int(root.get("type", 1))}
    return data | ({"guild_id": root["guild_id"]} if root.get("guild_id") else {})


def _component(message: Message, custom_id: str) -> dict[str, Any]:
    usable = {ComponentType.BUTTON, *SELECT_TYPES}
    for component in walk_components(message.components):
        fits = component.get("custom_id") == custom_id and component.get("type") in usable
        if fits and not component.get("disabled") and component.get("style") not in _LINK_STYLES:
            return component
    raise ActionRefusedError("No such component", user_message="That cannot be pressed.")


def _chosen(
    person: Person, channel_id: int, component: Mapping[str, Any], values: list[str]
) -> dict[str, Any]:
    least, most = component.get("min_values", 1), component.get("max_values", 1)
    if not least <= len(values) <= most or len(set(values)) != len(values):
        raise ActionRefusedError("Wrong count", user_message=f"Choose between {least} and {most}.")
    kinds = SELECT_ENTITIES.get(component["type"])
    if kinds is None:
        offered = {option["value"] for option in sequence(component.get("options"))}
        if not offered.issuperset(values):
            raise ActionRefusedError("Not offered", user_message="Choose one of the list.")
        return {"values": values}
    resolved: dict[str, dict[str, Any]] = {}
    ids = [resolve(person, channel_id, kinds, value, resolved) for value in values]
    return {"values": ids, "resolved": resolved}
