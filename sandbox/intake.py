"""Reading a request off the socket: JSON or multipart, within Discord's sizes."""

import re
from typing import Any

import msgspec
from aiohttp import BodyPartReader, web

from sandbox.calls import Call
from sandbox.requests import Inquiry, Upload
from sandbox.simulator import BackendError
from sandbox.untyped import record, sequence
from sandbox.validation import too_large

REQUEST_LIMIT = 25 * 1024 * 1024
"""Bytes per request (Discord: reference, uploading files)."""
_FILE_FIELD = re.compile(r"files?\[?(\d*)\]?")


async def read_inquiry(request: web.Request, call: Call) -> Inquiry:
    """Read the whole request.

    Raises:
        BackendError: 40005 above 25 MiB; 50109 for a body that is no JSON.
    """
    if (request.content_length or 0) > REQUEST_LIMIT:
        raise too_large()
    inquiry = Inquiry(call=call, params=dict(request.query), reason=request.headers.get("X-Audit-Log-Reason"))
    if request.content_type.startswith("multipart/"):
        await _read_multipart(request, inquiry)
    else:
        inquiry.json = _decode(await request.read())
    return inquiry


def _decode(body: bytes) -> Any:
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise BackendError(400, 50109, "The request body contains invalid JSON.") from error


async def _read_multipart(request: web.Request, inquiry: Inquiry) -> None:
    fields: dict[str, str] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = bytes(await part.read(decode=True))
        match = _FILE_FIELD.fullmatch(part.name or "")
        if part.filename is not None and match:
            inquiry.files.append(Upload(index=int(match[1] or 0), filename=part.filename, data=data))
        elif part.name == "payload_json":
            inquiry.json = _decode(data)
        else:
            fields[part.name or ""] = data.decode()
    if inquiry.json is None and fields:
        inquiry.json = fields
    inquiry.files.sort(key=lambda upload: upload.index)
    _describe(inquiry)


def _describe(inquiry: Inquiry) -> None:
    data = record(inquiry.body.get("data"))
    declared = sequence(inquiry.body.get("attachments")) or sequence(data.get("attachments"))
    descriptions = {str(record(item).get("id")): record(item).get("description") for item in declared}
    for upload in inquiry.files:
        upload.description = descriptions.get(str(upload.index))
