"""What keeps other sites and foreign code out, and the vendored files as they were taken."""

import base64
import hashlib
import re
from collections.abc import Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from sandbox.errors import ActionRefusedError
from sandbox.page.app import INDEX, STATIC
from sandbox.page.guard import content_policy, require_same_origin
from sandbox.page.uploads import HELD_BYTES, HELD_S, Uploads

pytestmark = pytest.mark.unit

OWN = [
    {"Host": "127.0.0.1:8200", "Origin": "http://127.0.0.1:8200"},
    {"Host": "localhost:8200", "Origin": "http://localhost:8200"},
    {"Host": "[::1]:8200", "Origin": "http://[::1]:8200"},
    {"Host": "192.168.1.5:8200", "Origin": "http://192.168.1.5:8200"},
]
FOREIGN: list[Mapping[str, str]] = [
    {"Host": "127.0.0.1:8200"},
    {"Host": "127.0.0.1:8200", "Origin": "null"},
    {"Host": "127.0.0.1:8200", "Origin": "https://example.org"},
    {"Host": "127.0.0.1:8200", "Origin": "http://127.0.0.1:9999"},
    {"Host": "rebound.example.org:8200", "Origin": "http://rebound.example.org:8200"},
]


@pytest.mark.parametrize("headers", OWN)
def test_the_page_may_talk_to_its_server(headers: Mapping[str, str]) -> None:
    require_same_origin(make_mocked_request("GET", "/ws", headers=headers))


@pytest.mark.parametrize("headers", FOREIGN)
def test_other_sites_may_not(headers: Mapping[str, str]) -> None:
    with pytest.raises(web.HTTPForbidden):
        require_same_origin(make_mocked_request("GET", "/ws", headers=headers))


def test_the_policy_allows_the_import_map_and_no_other_inline_script() -> None:
    found = re.search(r'<script type="importmap">(.*?)</script>', INDEX.read_text(), re.DOTALL)
    assert found is not None
    digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
    scripts = next(part for part in content_policy(INDEX).split("; ") if part.startswith("script-src"))
    assert scripts == f"script-src 'self' 'sha256-{digest}'"


def test_the_vendored_files_are_the_published_ones() -> None:
    vendor = STATIC / "vendor"
    listed = dict(re.findall(r"\| `([^`]+)` \|.*\| ([0-9a-f]{64}) \|", (vendor / "VENDOR.md").read_text()))
    files = [path for path in vendor.rglob("*") if path.suffix in {".js", ".woff2"}]
    found = {
        path.relative_to(vendor).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
    assert found == listed


def test_an_upload_is_taken_once() -> None:
    uploads = Uploads()
    key = uploads.put("a.txt", b"words")
    assert uploads.take([key]) == [("a.txt", b"words")]
    with pytest.raises(ActionRefusedError):
        uploads.take([key])


def test_of_several_uploads_none_is_lost_when_one_is_gone() -> None:
    uploads = Uploads()
    key = uploads.put("a.txt", b"words")
    with pytest.raises(ActionRefusedError):
        uploads.take([key, "gone"])
    assert uploads.take([key]) == [("a.txt", b"words")]


def test_uploads_are_forgotten_when_they_are_old_or_too_many() -> None:
    now = 0.0
    uploads = Uploads(lambda: now)
    old = uploads.put("old", b"x")
    now = HELD_S + 1
    first = uploads.put("first", b"x" * (HELD_BYTES // 2 + 1))
    second = uploads.put("second", b"x" * (HELD_BYTES // 2 + 1))
    for gone in (old, first):
        with pytest.raises(ActionRefusedError):
            uploads.take([gone])
    assert len(uploads.take([second])) == 1
