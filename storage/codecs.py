"""How values travel between Python and Postgres: text, jsonb and vectors."""

import re
from typing import Any

import asyncpg
import msgspec

from storage.queries import query

JSONB_VERSION = b"\x01"
ESCAPED_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
VECTOR_SCHEMA = query("vector_schema")


async def set_codecs(connection: "asyncpg.Connection[Any]") -> None:
    """Teach a new connection our types; vectors only where the extension exists."""
    for kind, encode, decode in (("text", encode_text, decode_text), ("jsonb", encode_jsonb, decode_jsonb)):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=encode, decoder=decode, format="binary"
        )
    if schema := await connection.fetchval(VECTOR_SCHEMA.sql):
        await connection.set_type_codec(
            "vector", schema=schema, encoder=encode_vector, decoder=decode_vector, format="text"
        )


def encode_text(value: str) -> bytes:
    """Encode without what Postgres refuses: NUL is dropped, a lone surrogate becomes `?`."""
    return value.encode("utf-8", "replace").replace(b"\0", b"")


def decode_text(raw: bytes) -> str:
    """Decode UTF-8."""
    return raw.decode("utf-8")


def encode_jsonb(value: object) -> bytes:
    """Encode any value that msgspec can, without NUL characters, which jsonb refuses."""
    return JSONB_VERSION + ESCAPED_NUL.sub(rb"\1", msgspec.json.encode(value))


def decode_jsonb(raw: bytes) -> Any:
    """Decode into dicts, lists, strings and numbers."""
    return msgspec.json.decode(raw[1:])


def encode_vector(values: list[float]) -> str:
    """Encode as pgvector writes it: `[1,2.5]`."""
    return "[" + ",".join(map(repr, values)) + "]"


def decode_vector(text: str) -> list[float]:
    """Decode pgvector's text form."""
    return [float(part) for part in text[1:-1].split(",")]
