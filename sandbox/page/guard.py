"""Keeps other web sites away from the page's server, and foreign code away from the page."""

import base64
import hashlib
import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)


def content_policy(index: Path) -> str:
    """Return the Content-Security-Policy of the page; the import map in `index` is allowed by its hash.

    Pictures may come from anywhere over https because a character's face may.
    """
    found = _IMPORT_MAP.search(index.read_text(encoding="utf-8"))
    digest = hashlib.sha256(found[1].encode() if found else b"").digest()
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'sha256-{base64.b64encode(digest).decode()}'",
            "style-src 'self'",
            "font-src 'self'",
            "img-src 'self' data: blob: https: http://127.0.0.1:* http://localhost:*",
            "media-src 'self' http://127.0.0.1:* http://localhost:*",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def require_same_origin(request: web.Request) -> None:
    """Refuse a request that a page of another site makes, also by a name rebound to this address.

    Raises:
        web.HTTPForbidden: the origin is foreign, or the host is neither an address nor localhost.
    """
    origin = request.headers.get("Origin", "")
    if not _is_own_name(request.host) or urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="This page talks only to itself.")


def _is_own_name(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
