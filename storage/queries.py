"""Named queries: each `.sql` file in `storage/sql` holds several, headed by `-- name: …`."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent / "sql"
HEADER = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class Query(msgspec.Struct, frozen=True):
    """One statement and the name under which it stands in logs, errors and traces."""

    name: str
    sql: str


def load_queries(folder: Path) -> Mapping[str, Query]:
    """Read every query below `folder`.

    Raises:
        ValueError: two queries have one name, or a file has text before its first header.
    """
    found: dict[str, Query] = {}
    for file in sorted(folder.glob("*.sql")):
        for query in _parse(file):
            if query.name in found:
                raise ValueError(f"{file.name}: a second query is named {query.name}")
            found[query.name] = query
    return found


def _parse(file: Path) -> Iterator[Query]:
    before, *parts = HEADER.split(file.read_text(encoding="utf-8"))
    if before.strip():
        raise ValueError(f"{file.name}: text before the first header")
    for name, sql in zip(parts[::2], parts[1::2], strict=True):
        yield Query(name, sql.strip())


QUERIES = load_queries(FOLDER)
"""Every named query, read once at import."""


def query(name: str) -> Query:
    """Return a named query; a wrong name fails when its module is imported."""
    return QUERIES[name]
