"""Files: sent, shown, heard, opened."""

import io
import wave

import pytest
from playwright.async_api import FilePayload, Page, expect

from tests.sandbox_page.conftest import House
from tests.sandbox_page.scripted_bot import face

pytestmark = pytest.mark.browser


def tone(seconds: int) -> bytes:
    """A silence as a WAV file."""
    data = io.BytesIO()
    with wave.open(data, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000 * seconds)
    return data.getvalue()


async def test_a_chosen_file_is_shown_sent_and_served_back(page: Page) -> None:
    note: FilePayload = {"name": "note.txt", "mimeType": "text/plain", "buffer": b"remember"}
    await page.get_by_test_id("composer-file").set_input_files([note])
    await expect(page.get_by_test_id("pending-file")).to_contain_text("note.txt")
    await page.get_by_test_id("send").click()
    async with page.expect_download() as download:
        await page.get_by_test_id("file").click()
    assert (await (await download.value).path()).read_bytes() == b"remember"


async def test_a_picture_keeps_its_place_and_opens_large(page: Page, house: House) -> None:
    house.person(1).send(house.stage, "", files=[("face.png", face("#3d6b5c"))])
    picture = page.get_by_test_id("image").locator("img")
    await expect(picture).to_have_attribute("width", "128")
    await expect(picture).to_have_js_property("complete", value=True)
    assert await picture.evaluate("image => image.naturalWidth") == 128
    await page.get_by_test_id("image").click()
    await expect(page.get_by_test_id("lightbox")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("lightbox")).to_have_count(0)


async def test_a_sound_says_its_length_and_plays(page: Page, house: House) -> None:
    house.person(1).send(house.stage, "", files=[("hum.wav", tone(3))])
    player = page.get_by_test_id("audio")
    await expect(player).to_contain_text("0:03")
    await page.get_by_test_id("audio-play").click()
    await expect(page.get_by_test_id("audio-play")).to_have_attribute("aria-label", "Pause")


async def test_a_file_that_is_too_large_is_refused_and_the_words_are_kept(page: Page) -> None:
    big: FilePayload = {
        "name": "big.bin",
        "mimeType": "application/octet-stream",
        "buffer": b"0" * 10_485_761,
    }
    await page.get_by_test_id("composer-input").fill("look")
    await page.get_by_test_id("composer-file").set_input_files([big])
    await page.get_by_test_id("send").click()
    await expect(page.get_by_test_id("toast")).to_contain_text("larger than 10 MB")
    await expect(page.get_by_test_id("composer-input")).to_have_value("look")
