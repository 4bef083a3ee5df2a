"""Attachments and avatars served back under `/cdn/`."""

from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from sandbox.assets import LINK_TYPE, Asset, Assets

FETCH_S = 5.0
FETCH_LIMIT = 8 * 1024 * 1024
_INLINE = ("image/png", "image/jpeg", "image/gif", "image/webp", "audio/", "video/")
Loader = Callable[[str], Awaitable[Asset | None]]


class Cdn:
    """The handler of `/cdn/`. Avatars given as addresses are fetched once, as Discord does."""

    def __init__(self, assets: Assets, load: Loader) -> None:
        self._assets = assets
        self._load = load

    async def handle(self, request: web.Request) -> web.Response:
        """Answer with a file, 404 when there is none."""
        key = request.match_info["key"]
        asset = self._assets.held(key) or await self._load(key)
        if asset is not None and asset.content_type == LINK_TYPE:
            asset = await self._follow(key, asset.data.decode())
        if asset is None:
            raise web.HTTPNotFound
        headers = {
            "Content-Type": asset.content_type,
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        if not asset.content_type.startswith(_INLINE):
            headers["Content-Disposition"] = "attachment"
        return web.Response(body=asset.data, headers=headers)

    async def _follow(self, key: str, url: str) -> Asset | None:
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
                content_type = response.content_type
                data = await response.content.read(FETCH_LIMIT + 1)
                while not response.content.at_eof() and len(data) <= FETCH_LIMIT:
                    data += await response.content.read(FETCH_LIMIT + 1)
        except (TimeoutError, aiohttp.ClientError, ValueError):
            return None
        if response.status != 200 or not content_type.startswith("image/") or len(data) > FETCH_LIMIT:  # noqa: PLR2004 - HTTP
            return None
        asset = Asset(content_type, data)
        self._assets.settle(key, asset)
        return asset
