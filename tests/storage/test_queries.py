import ast
from pathlib import Path

import asyncpg
import pytest

from storage.database import Database
from storage.queries import QUERIES, load_queries, query

pytestmark = pytest.mark.service

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(QUERIES))
async def test_every_query_fits_the_migrated_schema(name: str, database: Database) -> None:
    async with database.connection() as connection:
        if name == "create_vector":
            pytest.skip("utility statements are not prepared")
        await connection.prepare(QUERIES[name].sql)


def test_every_query_is_used_by_the_storage() -> None:
    used = {
        node.value
        for file in (ROOT / "storage").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(QUERIES) <= used


def test_an_unknown_name_is_noticed_at_once() -> None:
    with pytest.raises(KeyError):
        query("no_such_query")


def test_two_queries_cannot_share_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- name: one\nselect 1\n")
    (tmp_path / "b.sql").write_text("-- name: one\nselect 2\n")
    with pytest.raises(ValueError, match="second query is named one"):
        load_queries(tmp_path)


def test_text_before_the_first_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("select 1\n-- name: one\nselect 1\n")
    with pytest.raises(ValueError, match="before the first header"):
        load_queries(tmp_path)


async def test_a_query_of_the_wrong_shape_is_refused_by_the_guard(database: Database) -> None:
    async with database.connection() as connection:
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.prepare("select 1 from no_such_table")
