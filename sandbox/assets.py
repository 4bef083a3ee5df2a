"""Files that the sandbox serves back: attachments as they were sent, avatars of bots and webhooks."""

import base64
import binascii
import hashlib
import io
import mimetypes
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec
from PIL import Image, UnidentifiedImageError
from typing_extensions import override

from sandbox.simulator import Backend, BackendError, CdnStore
from sandbox.untyped import record, sequence

LINK_TYPE = "text/uri-list"
"""Content type of an asset that is only an address elsewhere: a webhook's `avatar_url`."""
CACHE_BYTES = 64 * 1024 * 1024
_DATA_URI = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,(.+)", re.DOTALL)
_UNSAFE = re.compile(r"[^\w.\-]+")


class Asset(msgspec.Struct, frozen=True):
    """One file, or the address of one (`LINK_TYPE`)."""

    content_type: str
    data: bytes


class Assets(CdnStore):
    """Files by their path below `/cdn/`; those already saved may be dropped from memory."""

    def __init__(self, base_url: str = "http://127.0.0.1:8200") -> None:
        super().__init__()
        self.base_url = base_url
        self._held: OrderedDict[str, Asset] = OrderedDict()
        self._unsaved: dict[str, Asset] = {}
        self.keeps_everything = True

    @override
    def store_attachment(
        self, attachment_id: int, channel_id: int, filename: str, data: bytes, description: str | None
    ) -> dict[str, Any]:
        name = _UNSAFE.sub("_", filename).strip("_") or "file"
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        url = self._put(f"attachments/{channel_id}/{attachment_id}/{name}", Asset(content_type, data))
        payload: dict[str, Any] = {
            "id": str(attachment_id),
            "filename": name,
            "size": len(data),
            "url": url,
            "proxy_url": url,
            "content_type": content_type,
        }
        if description is not None:
            payload["description"] = description
        if content_type.startswith("image/"):
            payload |= _dimensions(data)
        return payload

    @override
    def get(self, url: str) -> bytes | None:
        asset = self.held(url.removeprefix(f"{self.base_url}/cdn/"))
        return asset.data if asset else None

    def store_avatar(self, owner_id: int, data_uri: str) -> str:
        """Keep an avatar given as a data URI and return its hash.

        Raises:
            BackendError: 50035 when it is no image that Discord takes.
        """
        match = _DATA_URI.fullmatch(data_uri)
        try:
            data = base64.b64decode(match[2], validate=True) if match else b""
        except binascii.Error:
            data = b""
        if not match or not data:
            raise BackendError(400, 50035, "Invalid Form Body: avatar: Unsupported image type given.")
        return self.keep_avatar(owner_id, Asset(match[1], data))

    def link_avatar(self, owner_id: int, url: str) -> str:
        """Remember the address of an avatar and return the hash under which it is served."""
        return self.keep_avatar(owner_id, Asset(LINK_TYPE, url.encode()))

    def keep_avatar(self, owner_id: int, asset: Asset) -> str:
        """Keep a picture as an avatar of `owner_id` and return its hash."""
        digest = hashlib.md5(asset.data, usedforsecurity=False).hexdigest()
        key = avatar_key(owner_id, digest)
        if key not in self._held:
            self._put(key, asset)
        return digest

    def rebase(self, base_url: str, state: Backend) -> None:
        """Serve from another address: point every message's files there.

        Args:
            base_url: scheme, host and port, without a slash at the end.
            state: the messages.
        """
        before, self.base_url = f"{self.base_url}/cdn/", base_url
        if before == f"{base_url}/cdn/":
            return
        for message in (m for channel in state.messages.values() for m in channel.values()):
            for part in (message.attachments, message.embeds, message.components):
                _replace_prefix(part, before, f"{base_url}/cdn/")

    def held(self, key: str) -> Asset | None:
        """Return a file that is in memory."""
        return self._held.get(key)

    def settle(self, key: str, asset: Asset) -> None:
        """Put the file in the place of its address."""
        self._put(key, asset)

    def take_unsaved(self) -> dict[str, Asset]:
        """Return the files that were added since the last call."""
        taken, self._unsaved = self._unsaved, {}
        self._drop_saved()
        return taken

    def give_back(self, assets: Mapping[str, Asset]) -> None:
        """Take back files of `take_unsaved` that could not be saved."""
        self._unsaved = {**assets, **self._unsaved}

    def _put(self, key: str, asset: Asset) -> str:
        self._held[key] = asset
        if not self.keeps_everything:
            self._unsaved[key] = asset
        return f"{self.base_url}/cdn/{key}"

    def _drop_saved(self) -> None:
        if self.keeps_everything:
            return
        size = sum(len(asset.data) for asset in self._held.values())
        for key in [key for key in self._held if key not in self._unsaved]:
            if size <= CACHE_BYTES:
                return
            size -= len(self._held.pop(key).data)


def avatar_key(owner_id: int, digest: str) -> str:
    """Return the path below `/cdn/` of an avatar."""
    return f"avatars/{owner_id}/{digest}.png"


def _replace_prefix(value: Any, before: str, after: str) -> None:
    """Replace the start of every text inside lists and dicts, in place."""
    places: list[tuple[Any, Any]] = [*record(value).items(), *enumerate(sequence(value))]
    for place, item in places:
        if isinstance(item, str) and item.startswith(before):
            value[place] = after + item.removeprefix(before)
        else:
            _replace_prefix(item, before, after)


def _dimensions(data: bytes) -> dict[str, int]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return {"width": image.width, "height": image.height}
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError):
        return {}
