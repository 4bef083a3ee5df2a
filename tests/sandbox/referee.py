"""Checks requests and answers against Discord's own OpenAPI file, an opinion from outside this project."""

import json
import re
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from sandbox.requests import Inquiry

SPECIFICATION = Path(__file__).parents[2].parent / "shared" / "data" / "discord" / "openapi.json"
_URN = "urn:discord"

# Where an exchange differs from the file, and why that is left so.
KNOWN_GAPS: dict[str, str] = {
    r"'(primary_guild|clan|collectibles|avatar_decoration_data)' is a required property": (
        "decorations of profiles, which SimCord's users lack and no client needs"
    ),
    r"'(widget_\w+|safety_\w+|region|nsfw|nsfw_level|max_\w+_users|incidents_data|home_header)'"
    r" is a required property": "settings of guilds that SimCord lacks and no client here reads",
    r"'(flags|banner)' is a required property": (
        "SimCord's channels and members lack them, and discord.py has defaults"
    ),
    r"^message_reference/type: 1 is not valid": "the file lists replies only; Discord documents forwards too",
    r"'[A-Z_]+' is not of type 'integer'": "codes inside `errors` are text on Discord, numbers in its file",
}
_GAPS = [re.compile(pattern) for pattern in KNOWN_GAPS]


class Referee:
    """Collects complaints about the exchanges it sees; `observe` fits `Rest.observers`."""

    def __init__(self) -> None:
        self.request_complaints: list[str] = []
        self.answer_complaints: list[str] = []
        self.seen: list[str] = []

    def observe(self, inquiry: Inquiry, status: int, body: bytes) -> None:
        call = inquiry.call
        operation = specification().operation(call.method, call.path)
        where = f"{call.route} -> {status}"
        if operation is None:
            self.request_complaints.append(f"{call.route}: no such operation")
            return
        self.seen.append(where)
        if status < 400 and inquiry.json is not None:
            pointer = f"{operation}/requestBody/content/application~1json/schema"
            self._check(self.request_complaints, where, pointer, inquiry.json)
        pointer = specification().answer(operation, status)
        if pointer is None:
            self.answer_complaints.append(f"{where}: no such status")
        elif body:
            self._check(self.answer_complaints, where, pointer, json.loads(body))

    def _check(self, complaints: list[str], where: str, pointer: str, value: Any) -> None:
        if not specification().has(pointer):
            return
        errors = [e for e in specification().validator(pointer).iter_errors(value) if not _known(e)]
        for error in errors:
            place = "/".join(str(part) for part in error.absolute_path)
            complaints.append(f"{where}: {place}: {error.message[:300]}")


class Specification:
    """The OpenAPI file."""

    def __init__(self, path: Path) -> None:
        self.document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_URN, resource)
        self._validators: dict[str, Draft202012Validator] = {}

    @cached_property
    def _templates(self) -> list[tuple[str, list[str]]]:
        paths = [(path, path.strip("/").split("/")) for path in self.document["paths"]]
        return sorted(paths, key=lambda item: sum(part.startswith("{") for part in item[1]))

    def operation(self, method: str, path: str) -> str | None:
        """Return the pointer of the operation that serves a path."""
        parts = path.strip("/").split("/")
        for template, segments in self._templates:
            fits = len(segments) == len(parts) and all(
                s.startswith("{") or s == p for s, p in zip(segments, parts, strict=True)
            )
            if fits and method.lower() in self.document["paths"][template]:
                return f"/paths/{_escape(template)}/{method.lower()}"
        return None

    def answer(self, operation: str, status: int) -> str | None:
        """Return the pointer of the schema for a status."""
        for name in (str(status), f"{status // 100}XX"):
            if self.has(f"{operation}/responses/{name}"):
                return f"{operation}/responses/{name}/content/application~1json/schema"
        return None

    def has(self, pointer: str) -> bool:
        """Say whether the pointer leads anywhere."""
        node: Any = self.document
        for part in pointer.strip("/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict) and "$ref" in node:
                node = self._follow(node["$ref"])
            if not isinstance(node, dict) or name not in node:
                return False
            node = node[name]
        return True

    def validator(self, pointer: str) -> Draft202012Validator:
        """Return the validator of the schema at a pointer."""
        if pointer not in self._validators:
            schema = {"$ref": f"{_URN}#{self._real(pointer)}"}
            self._validators[pointer] = Draft202012Validator(schema, registry=self._registry)
        return self._validators[pointer]

    def _follow(self, reference: str) -> Any:
        node: Any = self.document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        return node

    def _real(self, pointer: str) -> str:
        """Rewrite a pointer that runs through a $ref of a response object."""
        node: Any = self.document
        real = ""
        for part in pointer.strip("/").split("/"):
            if isinstance(node, dict) and "$ref" in node and "schema" not in real:
                real = node["$ref"].removeprefix("#")
                node = self._follow(node["$ref"])
            node = node[part.replace("~1", "/").replace("~0", "~")]
            real += f"/{part}"
        return real


@cache
def specification() -> Specification:
    """Return the file, read once."""
    return Specification(SPECIFICATION)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _known(error: ValidationError) -> bool:
    if isinstance(error.instance, int) and error.schema.get("format") == "snowflake":
        return True  # discord.py sends some snowflakes as numbers, which Discord reads as well
    if error.context and any(_known(inner) for inner in error.context):
        return True
    place = "/".join(str(part) for part in error.absolute_path)
    return any(gap.search(f"{place}: {error.message}") for gap in _GAPS)
