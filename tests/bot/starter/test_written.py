from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from actors.context.plan import make_plan
from actors.context.transcript import opening_words
from bot.starter.company import read_company, read_face
from bot.starter.draw import FACES, main
from tests.actors.scripted import EPOCH, message

pytestmark = pytest.mark.unit

COMPANY = read_company()


def test_every_starter_is_whole() -> None:
    for person in COMPANY:
        assert all((person.who, person.speech, person.first_message, person.error_message))
        assert len(person.examples) >= 3
        assert person.is_public


def test_every_starter_has_a_beginning_of_its_own() -> None:
    said = [message("hi")]
    openings = {opening_words(make_plan(who, COMPANY, said, said, EPOCH).identity) for who in COMPANY}
    assert len(openings - {""}) == len(COMPANY)


def test_the_faces_are_small_squares() -> None:
    sizes = {Image.open(BytesIO(read_face(person.slug))).size for person in COMPANY}
    assert sizes == {(256, 256)}


def test_drawing_anew_writes_all_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.starter.draw.FOLDER", tmp_path / "faces")
    main()
    assert {path.stem for path in (tmp_path / "faces").iterdir()} == {person.slug for person in COMPANY}


@pytest.mark.parametrize("slug", [person.slug for person in COMPANY])
def test_the_faces_are_what_the_code_draws(slug: str, tmp_path: Path) -> None:
    FACES[slug]().save(tmp_path / "face.png")
    drawn, kept = Image.open(tmp_path / "face.png"), Image.open(BytesIO(read_face(slug)))
    extremes = ImageChops.difference(drawn, kept).getextrema()
    assert max(high for _, high in extremes) <= 8
