"""Filling in a modal: from values by custom id to what Discord sends the bot."""

from collections.abc import Mapping
from typing import Any

from sandbox.errors import ActionRefusedError
from sandbox.options import SELECT_ENTITIES, Resolved, resolve
from sandbox.people import Person
from sandbox.simulator import ComponentType, fill_control, store_interaction_attachment, validate_modal

_LAYOUT = frozenset({ComponentType.ACTION_ROW, ComponentType.LABEL, ComponentType.TEXT_DISPLAY})


class Form:
    """One modal being filled in.

    `values` hold, by custom id: text, a list of chosen values or ids, a boolean, or a list of
    (file name, bytes). Optional controls may be left out.
    """

    def __init__(
        self, person: Person, channel_id: int, modal: Mapping[str, Any], values: Mapping[str, Any]
    ) -> None:
        self._person = person
        self._channel_id = channel_id
        self._values = dict(values)
        self._uploads: list[tuple[dict[str, Any], str, bytes]] = []
        self._resolved: Resolved = {}
        self._modal = validate_modal(dict(modal))

    def data(self) -> dict[str, Any]:
        """Return the interaction's data.

        Raises:
            ActionRefusedError: a needed control is empty or a value does not fit.
        """
        with self._person.refusing():
            components = [self._submitted(component) for component in self._modal["components"]]
        state = self._person.world.state
        for control, name, data in self._uploads:
            attachment = store_interaction_attachment(state, self._channel_id, name, data, self._resolved)
            control["values"].append(attachment)
        filled: dict[str, Any] = {"custom_id": self._modal["custom_id"], "components": components}
        return filled | ({"resolved": self._resolved} if self._resolved else {})

    def _submitted(self, component: dict[str, Any]) -> dict[str, Any]:
        kind = component["type"]
        if kind not in _LAYOUT:
            return self._control(component)
        node: dict[str, Any] = {"type": kind, "id": component["id"]}
        if kind == ComponentType.ACTION_ROW:
            node["components"] = [self._submitted(child) for child in component["components"]]
        elif kind == ComponentType.LABEL:
            node["component"] = self._submitted(component["component"])
        return node

    def _control(self, component: dict[str, Any]) -> dict[str, Any]:
        kinds = SELECT_ENTITIES.get(component["type"])
        if kinds is not None:
            return self._entity_select(component, kinds)
        return fill_control(component, self._values, self._resolved, self._channel_id, self._uploads)

    def _entity_select(self, component: dict[str, Any], kinds: tuple[str, ...]) -> dict[str, Any]:
        chosen = list(self._values.get(component["custom_id"]) or [])
        least = component.get("min_values", 1) if component.get("required", True) else 0
        if not least <= len(chosen) <= component.get("max_values", 1):
            raise ActionRefusedError("Wrong count", user_message="Choose as many as the form asks for.")
        ids = [resolve(self._person, self._channel_id, kinds, raw, self._resolved) for raw in chosen]
        node: dict[str, Any] = {"type": component["type"], "custom_id": component["custom_id"], "values": ids}
        return node | ({"id": component["id"]} if "id" in component else {})
