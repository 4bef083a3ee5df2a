"""Pictures for characters: checked, cut square, and made small."""

import asyncio
import io

import discord
from PIL import Image, ImageOps, UnidentifiedImageError

from bot.commands.failures import CommandRefusedError

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 50_000_000
SIDE = 256
FETCH_DEADLINE_S = 20.0


async def face_from(attachment: discord.Attachment) -> bytes:
    """Return the attached picture as a square PNG of 256 pixels.

    Raises:
        CommandRefusedError: it is too large, not a picture, or could not be fetched.
    """
    if attachment.size > MOST_BYTES:
        raise CommandRefusedError("That picture is larger than 10 MB. A smaller one will do.")
    try:
        async with asyncio.timeout(FETCH_DEADLINE_S):
            data = await attachment.read()
    except (TimeoutError, discord.HTTPException) as error:
        raise CommandRefusedError("I could not fetch that picture. Please attach it once more.") from error
    return await asyncio.to_thread(square_png, data)


def square_png(data: bytes) -> bytes:
    """Cut the middle square out of a picture and encode it as PNG.

    Raises:
        CommandRefusedError: the bytes are not a picture that can be read.
    """
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise CommandRefusedError("That picture has too many pixels. A smaller one will do.")
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise CommandRefusedError("That is not a PNG, JPEG, WebP or GIF that I can read.") from error
    out = io.BytesIO()
    ImageOps.fit(upright, (SIDE, SIDE), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()
