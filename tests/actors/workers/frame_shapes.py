"""The shape of every frame as data: what the two ends of a connection must agree on.

`python -m tests.actors.workers.frame_shapes` writes it down beside this module.
"""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from actors.workers.frames import VERSION, Frame

FILE = Path(__file__).with_name("frames.json")
WORDS = {"description", "title"}
"""Of a schema, what never travels."""


class Shapes(msgspec.Struct, frozen=True):
    """The protocol. `structs` has, by name, the tag, the layout and the fields in order with their types."""

    version: int
    structs: dict[str, Any]


def shapes() -> Shapes:
    """Return the protocol as it is in the code, down to the last struct inside a frame."""
    found: dict[str, Any] = {}
    _collect(inspect.type_info(Frame), found)
    return Shapes(VERSION, dict(sorted(found.items())))


def written() -> Shapes:
    """Return the protocol as it was written down."""
    return msgspec.json.decode(FILE.read_bytes(), type=Shapes)


def _collect(node: object, found: dict[str, Any]) -> None:
    if isinstance(node, inspect.StructType):
        if node.cls.__name__ in found:
            return
        found[node.cls.__name__] = _shape(node)
    if isinstance(node, list | tuple):
        for part in node:
            _collect(part, found)
    elif isinstance(node, inspect.Type | inspect.Field):
        _collect(msgspec.structs.astuple(node), found)


def _shape(struct: inspect.StructType) -> dict[str, Any]:
    types = [field.type for field in msgspec.structs.fields(struct.cls)]
    schemas, _ = msgspec.json.schema_components(types, ref_template="{name}")
    fields = [
        {"name": field.encode_name, "required": field.required, "type": _bare(schema)}
        for field, schema in zip(struct.fields, schemas, strict=True)
    ]
    return {"tag": struct.tag, "as_array": struct.array_like, "fields": fields}


def _bare(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _bare(value) for name, value in schema.items() if name not in WORDS}
    return [_bare(part) for part in schema] if isinstance(schema, list) else schema


def _text(protocol: Shapes) -> str:
    """Return the protocol with one line for each struct, so that a change is a changed line."""
    lines = ",\n".join(
        f'    "{name}": {msgspec.json.encode(shape).decode()}' for name, shape in protocol.structs.items()
    )
    return f'{{\n  "version": {protocol.version},\n  "structs": {{\n{lines}\n  }}\n}}\n'


if __name__ == "__main__":
    FILE.write_text(_text(shapes()))
