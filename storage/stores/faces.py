"""Faces: the characters' pictures, kept once each."""

import hashlib

from storage.queries import query
from storage.stores.base import Store

PUT, GET = query("put_face"), query("get_face")


class FaceStore(Store):
    """Pictures by the hash of their bytes."""

    async def put(self, png: bytes) -> str:
        """Keep a picture and return its SHA-256 in hex; the same picture is kept once."""
        digest = hashlib.sha256(png).hexdigest()
        await self._database.fetch_value(PUT, digest, png)
        return digest

    async def get(self, face_hash: str) -> bytes | None:
        """Return the picture."""
        png: bytes | None = await self._database.fetch_value(GET, face_hash)
        return png
