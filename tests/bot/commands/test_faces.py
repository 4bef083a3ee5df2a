import io

import pytest
from PIL import Image

from bot.commands.faces import SIDE, square_png
from bot.commands.failures import CommandRefusedError

pytestmark = pytest.mark.unit


def picture(width: int, height: int, form: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, form)
    return out.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_any_picture_becomes_a_square_png(form: str) -> None:
    face = Image.open(io.BytesIO(square_png(picture(400, 100, form))))

    assert (face.format, face.size) == ("PNG", (SIDE, SIDE))


@pytest.mark.parametrize("data", [b"", b"<html>", picture(10, 10)[:40]])
def test_what_is_not_a_picture_is_refused(data: bytes) -> None:
    with pytest.raises(CommandRefusedError):
        square_png(data)
