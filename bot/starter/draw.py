"""Draws the faces of the starter company: `python -m bot.starter.draw`. All is code, nothing is traced."""

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageColor, ImageDraw, ImageFilter

SIZE = 256
SCALE = 4
FOLDER = Path(__file__).parent / "faces"

Point = tuple[float, float]


class Canvas:
    """A square picture with coordinates from 0 to 256, drawn four times too large and shrunk at the end."""

    def __init__(self, centre: str, edge: str) -> None:
        gradient = _resized(Image.radial_gradient("L"), SIZE * SCALE)
        self._image = Image.composite(_plain(edge), _plain(centre), gradient)
        self._pen = ImageDraw.Draw(self._image, "RGBA")

    def disc(self, at: Point, across: float, down: float, colour: str) -> None:
        """Fill an ellipse around a point, with its two radii."""
        (x, y) = at
        self._pen.ellipse(_scaled([(x - across, y - down), (x + across, y + down)]), fill=colour)

    def ring(self, at: Point, radius: float, colour: str, width: float) -> None:
        """Draw a circle's line."""
        (x, y) = at
        box = _scaled([(x - radius, y - radius), (x + radius, y + radius)])
        self._pen.ellipse(box, outline=colour, width=int(width * SCALE))

    def box(self, corner: Point, opposite: Point, radius: float, colour: str) -> None:
        """Fill a rectangle with round corners."""
        self._pen.rounded_rectangle(_scaled([corner, opposite]), radius * SCALE, fill=colour)

    def shape(self, points: Sequence[Point], colour: str) -> None:
        """Fill a polygon."""
        self._pen.polygon(_scaled(points), fill=colour)

    def line(self, points: Sequence[Point], colour: str, width: float) -> None:
        """Draw a line with round ends and joints."""
        self._pen.line(_scaled(points), fill=colour, width=int(width * SCALE), joint="curve")
        for point in (points[0], points[-1]):
            self.disc(point, width / 2, width / 2, colour)

    def arc(self, at: Point, radii: Point, turn: Point, colour: str, width: float) -> None:
        """Draw a part of an ellipse, from one angle to another in degrees, clockwise from the right."""
        start, end = (math.radians(angle) for angle in turn)
        angles = (start + (end - start) * step / 24 for step in range(25))
        points = [(at[0] + radii[0] * math.cos(a), at[1] + radii[1] * math.sin(a)) for a in angles]
        self.line(points, colour, width)

    def glow(self, at: Point, radius: float, colour: str) -> None:
        """Lay a soft light over what is drawn so far."""
        light = Image.new("L", self._image.size)
        (x, y) = at
        box = _scaled([(x - radius, y - radius), (x + radius, y + radius)])
        ImageDraw.Draw(light).ellipse(box, fill=150)
        light = light.filter(ImageFilter.GaussianBlur(radius * SCALE / 2))
        self._image.paste(_plain(colour), mask=light)

    def save(self, path: Path) -> None:
        """Write the picture in its final size."""
        _resized(self._image, SIZE).save(path, optimize=True)


def _resized(image: Image.Image, side: int) -> Image.Image:
    lanczos = Image.Resampling.LANCZOS
    return image.resize((side, side), lanczos)  # pyright: ignore[reportUnknownMemberType] # NumPy's types


def _plain(colour: str) -> Image.Image:
    return Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), ImageColor.getrgb(colour))


def _scaled(points: Sequence[Point]) -> list[Point]:
    return [(x * SCALE, y * SCALE) for x, y in points]


def star(at: Point, outer: float, inner: float, rays: int) -> list[Point]:
    """Return the corners of a star, the first one pointing up."""
    angles = (math.pi * step / rays - math.pi / 2 for step in range(2 * rays))
    radii = (outer if step % 2 == 0 else inner for step in range(2 * rays))
    return [(at[0] + r * math.cos(a), at[1] + r * math.sin(a)) for a, r in zip(angles, radii, strict=True)]


def madame_zuzu() -> Canvas:
    """An oracle with a turban, hearing with closed eyes, over her teacup."""
    face = Canvas("#8d3f86", "#2e1145")
    for at, size in (((34, 46), 9), ((222, 60), 12), ((28, 150), 6), ((230, 160), 7)):
        face.shape(star(at, size, size / 3, 4), "#ffd97a")
    face.shape([(62, 256), (82, 196), (174, 196), (194, 256)], "#1f7f86")
    face.disc((128, 136), 62, 66, "#c98a5e")
    for x in (64, 192):
        face.ring((x, 168), 12, "#ffcf5c", 4)
    _turban(face)
    _zuzu_features(face)
    _teacup(face)
    return face


def _turban(face: Canvas) -> None:
    face.disc((128, 78), 86, 54, "#159a9c")
    face.disc((128, 46), 60, 36, "#1db5b3")
    for left, right, y in ((48, 150, 92), (60, 176, 70), (84, 186, 48)):
        face.arc(((left + right) / 2, y), ((right - left) / 2, 22), (200, 345), "#0d7478", 4)
    face.box((50, 94), (206, 112), 9, "#f3b93f")
    face.line([(140, 66), (156, 22), (186, 8)], "#ff6f91", 9)
    face.disc((184, 16), 13, 9, "#ff8fab")
    face.disc((128, 82), 17, 20, "#ffcf5c")
    face.disc((128, 82), 11, 14, "#e5386d")
    face.disc((124, 76), 3, 4, "#ffd7e4")


def _zuzu_features(face: Canvas) -> None:
    for x in (102, 154):
        face.disc((x, 136), 19, 13, "#7c4a9c")
        face.arc((x, 134), (15, 9), (15, 165), "#2b1320", 5)
        for lash in (-13, 0, 13):
            face.line([(x + lash * 0.9, 142), (x + lash * 1.25, 151)], "#2b1320", 3)
    for x in (88, 168):
        face.disc((x, 166), 13, 9, "#e0795f")
    face.disc((128, 160), 7, 5, "#b5744b")
    face.disc((128, 181), 15, 9, "#c22352")
    face.arc((128, 176), (12, 6), (10, 170), "#7c1233", 3)
    face.disc((160, 184), 3, 3, "#3b1a12")


def _teacup(face: Canvas) -> None:
    face.ring((172, 224), 13, "#fff4e3", 6)
    face.disc((128, 252), 66, 11, "#f7e3c8")
    face.shape([(86, 206), (170, 206), (154, 250), (102, 250)], "#fff4e3")
    face.disc((128, 207), 42, 9, "#fff4e3")
    face.disc((128, 207), 36, 6, "#8c4a1f")
    face.shape(star((128, 230), 11, 4.5, 5), "#e5386d")


def hush() -> Canvas:
    """The ghost of an actor with a paper crown, between the curtains, holding the only candle."""
    face = Canvas("#2c3d70", "#0b1026")
    face.glow((196, 150), 60, "#ffb84d")
    _curtains(face)
    hem = [(60 + step * 4.25, 246 + 9 * math.sin(step * 0.85)) for step in range(33)]
    face.shape([(60, 120), *hem, (196, 120)], "#c3d2f2")
    face.disc((128, 122), 68, 72, "#c3d2f2")
    face.shape([(74, 120), *hem[4:], (196, 120)], "#e9f1ff")
    face.disc((135, 122), 61, 70, "#e9f1ff")
    _crown(face)
    _hush_features(face)
    _candle(face)
    return face


def _curtains(face: Canvas) -> None:
    for side in (0, 1):
        for fold in range(4):
            x = fold * 17
            colour = ("#8e1b2e", "#b3263c")[fold % 2]
            points: list[Point] = [(x, 0), (x + 18, 0), (x * 0.55 + 10, 256), (x * 0.55 - 2, 256)]
            face.shape([(SIZE - px, py) if side else (px, py) for px, py in points], colour)
    face.box((0, 0), (256, 14), 0, "#6f1424")
    for x in range(10, 256, 26):
        face.disc((x, 14), 13, 11, "#d9a441")
        face.disc((x, 11), 13, 11, "#6f1424")


def _crown(face: Canvas) -> None:
    left: list[Point] = [(78, 84), (70, 34), (96, 56), (112, 20), (130, 50)]
    face.shape([*left, (156, 16), (160, 54), (188, 40), (180, 84)], "#f2c14e")
    face.shape([(78, 84), (76, 72), (182, 72), (180, 84)], "#d99a2b")
    for at in ((70, 34), (112, 20), (156, 16), (188, 40)):
        face.disc(at, 5, 5, "#fff1c1")


def _hush_features(face: Canvas) -> None:
    for x in (102, 152):
        face.disc((x, 128), 15, 20, "#1a2347")
        face.disc((x + 4, 120), 5, 6, "#ffffff")
        face.disc((x - 4, 136), 3, 3, "#8fa5dd")
    face.arc((98, 106), (18, 9), (195, 300), "#8496c4", 4)
    face.arc((156, 106), (18, 9), (240, 345), "#8496c4", 4)
    for x in (82, 172):
        face.disc((x, 152), 11, 7, "#f3b6cf")
    face.disc((127, 164), 8, 10, "#1a2347")
    face.disc((127, 169), 5, 4, "#d9688a")


def _candle(face: Canvas) -> None:
    face.box((180, 176), (204, 240), 5, "#fff3d6")
    face.box((180, 176), (187, 240), 4, "#e8d3a4")
    face.disc((192, 178), 12, 5, "#fffaf0")
    face.line([(192, 177), (192, 168)], "#3b2a1a", 3)
    face.shape([(192, 132), (203, 158), (192, 172), (181, 158)], "#ff9d2e")
    face.disc((192, 159), 11, 12, "#ff9d2e")
    face.disc((192, 161), 6, 8, "#ffe58a")
    face.disc((176, 214), 17, 13, "#e9f1ff")
    face.disc((206, 216), 9, 9, "#e9f1ff")


def sprocket() -> Canvas:
    """A little robot of spare parts, delighted with whatever just happened."""
    face = Canvas("#ffd75e", "#f08a24")
    for ray in range(12):
        turns = (ray * math.pi / 6 + bend for bend in (-0.11, 0.11))
        ends = [(128 + 230 * math.cos(turn), 128 + 230 * math.sin(turn)) for turn in turns]
        face.shape([(128, 128), *ends], "#ffffff2e")
    face.line([(128, 62), (136, 44), (122, 36), (132, 22)], "#5b6b75", 5)
    face.disc((133, 18), 12, 12, "#e8413b")
    face.disc((129, 14), 4, 4, "#ffc9c4")
    for x in (34, 222):
        face.shape(star((x, 132), 24, 18, 10), "#8a6a4f")
        face.disc((x, 132), 9, 9, "#f6d9a8")
    face.box((46, 62), (210, 208), 26, "#2f9fb0")
    face.box((46, 62), (210, 196), 26, "#4cc3cf")
    face.box((60, 76), (196, 182), 18, "#e9fbf9")
    _sprocket_features(face)
    _bow_tie(face)
    return face


def _sprocket_features(face: Canvas) -> None:
    face.disc((130, 160), 36, 18, "#41535e")
    face.box((90, 138), (170, 159), 2, "#e9fbf9")
    for x in (110, 123, 136, 149):
        face.line([(x, 160), (x, 174)], "#e9fbf9", 3)
    for at, radius, colour in (((98, 118), 28, "#ff8f3f"), ((162, 122), 20, "#7ac74f")):
        face.disc(at, radius, radius, "#41535e")
        face.disc(at, radius - 6, radius - 6, "#ffffff")
        face.disc((at[0] + 3, at[1] + 2), radius - 13, radius - 13, colour)
        face.disc((at[0] + 4, at[1] + 3), 6, 6, "#22303a")
        face.disc((at[0] + 1, at[1] - 3), 3, 3, "#ffffff")
    face.line([(146, 92), (178, 84)], "#41535e", 6)
    for at in ((56, 72), (200, 72), (56, 186), (200, 186)):
        face.disc(at, 6, 6, "#22707c")
        face.line([(at[0] - 3, at[1] + 2), (at[0] + 3, at[1] - 2)], "#bfeef2", 2)


def _bow_tie(face: Canvas) -> None:
    face.box((104, 206), (152, 224), 3, "#41535e")
    for side in (-1, 1):
        face.shape([(128, 232), (128 + side * 48, 210), (128 + side * 48, 254)], "#e8413b")
        face.disc((128 + side * 34, 232), 4, 4, "#ffd75e")
    face.disc((128, 232), 12, 12, "#b92c28")


FACES = {"madame-zuzu": madame_zuzu, "hush": hush, "sprocket": sprocket}


def main() -> None:
    """Draw all faces anew."""
    FOLDER.mkdir(exist_ok=True)
    for slug, draw in FACES.items():
        draw().save(FOLDER / f"{slug}.png")


if __name__ == "__main__":
    main()
