"""The first evening of somebody who typed `make run`: everything in a real browser, nothing configured."""

import asyncio
import io
import re
from itertools import pairwise

import psutil
import pytest
from PIL import Image
from playwright.async_api import Locator, Page, expect

from bot.starter.company import read_company
from tests.browser_fixtures import OpenPage
from tests.story.conftest import StartProgram
from tests.story.program import STOP_S, Program, wait_for
from tests.story.visitor import visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

FIRST, SECOND, THIRD = (person.name for person in read_company())
ANSWER_MS = 30_000
EDITS = 3
RECORD_GROWTH = """name => {
    window.growth = new Map();
    const note = () => {
        for (const message of document.querySelectorAll(`[data-author="${name}"]`)) {
            const content = message.querySelector('[data-testid="message-content"]');
            const text = content?.innerText.replace('(edited)', '').trim();
            const id = message.dataset.messageId;
            if (!window.growth.has(id)) window.growth.set(id, []);
            if (text && window.growth.get(id).at(-1) !== text) window.growth.get(id).push(text);
        }
    };
    const everything = { subtree: true, childList: true, characterData: true };
    new MutationObserver(note).observe(document.body, everything);
}"""
LOADED = "image => image.complete && image.naturalWidth > 0"


@pytest.fixture(scope="module")
def program(start_program: StartProgram) -> Program:
    """The program as it comes, with nothing configured."""
    return start_program()


@pytest.fixture
async def page(program: Program, open_page: OpenPage) -> Page:
    """The address that the program printed, opened."""
    opened = await open_page(program.url)
    await opened.get_by_test_id("composer-input").wait_for()
    return opened


async def say(page: Page, text: str) -> None:
    """Write a message and wait until it is in the log."""
    await page.get_by_test_id("composer-input").fill(text)
    await page.get_by_test_id("composer-input").press("Enter")


def spoken_by(page: Page, name: str) -> Locator:
    """Every message under a name."""
    return page.locator(f'[data-testid="message"][data-author="{name}"]')


async def rested(message: Locator) -> str:
    """Wait until a message grows no more and return its words."""
    await expect(message).to_have_attribute("data-live", "false", timeout=ANSWER_MS)
    return await message.get_by_test_id("message-content").inner_text()


async def use(page: Page, typed: str) -> None:
    """Type a slash command and take the first suggestion."""
    await page.get_by_test_id("composer-input").fill(typed)
    await page.get_by_test_id("suggestion").first.wait_for()
    await page.keyboard.press("Enter")


async def bring_in(page: Page, typed: str, name: str) -> None:
    """Use `/channel add-personality` by its form, choosing among the suggestions."""
    await use(page, "/channel add-pers")
    await page.get_by_test_id("option-input").fill(typed)
    await page.get_by_test_id("autocomplete-choice").filter(has_text=name).first.click()
    await page.get_by_test_id("command-run").click()


async def test_two_characters_are_on_stage_from_the_start(page: Page) -> None:
    await use(page, "/channel personalities")
    await page.get_by_test_id("command-run").click()
    company = page.get_by_test_id("message").filter(has_text="to address them").last
    await expect(company).to_contain_text(FIRST)
    await expect(company).to_contain_text(SECOND)


async def test_a_character_types_and_answers_in_words_that_grow_under_its_name_and_face(page: Page) -> None:
    await page.evaluate(RECORD_GROWTH, FIRST)
    await say(page, f"@{FIRST} tell me what happens tonight, and do not leave anything out")
    await expect(page.get_by_test_id("typing")).to_contain_text("typing", timeout=ANSWER_MS)
    answer = spoken_by(page, FIRST).last
    await rested(answer)
    face = answer.get_by_test_id("avatar").locator("img")
    assert await face.evaluate(LOADED)
    growth = (await page.evaluate("[...window.growth.values()]"))[-1]
    assert len(growth) > EDITS
    assert all(len(earlier) < len(later) for earlier, later in pairwise(growth))


async def test_a_reply_to_a_character_is_answered_by_it(page: Page) -> None:
    await say(page, f"@{SECOND} good evening")
    first = spoken_by(page, SECOND).last
    await rested(first)
    count = await spoken_by(page, SECOND).count()
    await first.hover()
    await first.get_by_test_id("action-reply").click()
    await say(page, "And what was your line?")
    await expect(spoken_by(page, SECOND)).to_have_count(count + 1, timeout=ANSWER_MS)
    assert await rested(spoken_by(page, SECOND).last)


async def test_somebody_is_brought_in_by_the_form_and_greets(page: Page) -> None:
    greeting = " ".join(next(p.first_message for p in read_company() if p.name == THIRD).split())
    await bring_in(page, THIRD[:4].lower(), THIRD)
    hello = spoken_by(page, THIRD).first
    await hello.wait_for(timeout=ANSWER_MS)
    assert " ".join((await rested(hello)).split()).startswith(greeting[:40])


async def test_a_character_of_ones_own_comes_with_its_picture(page: Page) -> None:
    await use(page, "/character create")
    await page.get_by_test_id("option-add").filter(has_text="picture").click()
    await page.get_by_test_id("file-input").set_input_files(
        {"name": "mab.png", "mimeType": "image/png", "buffer": _picture()}
    )
    await page.get_by_test_id("command-run").click()
    form = page.get_by_test_id("modal")
    await form.get_by_role("textbox", name="Name").fill("Mab")
    await form.get_by_role("textbox", name="Who they are").fill("The queen of small dreams, who rides a hazelnut.")
    await form.get_by_role("textbox", name="First message").fill("Who dreams so loudly here?")
    await form.get_by_test_id("modal-submit").click()
    await page.get_by_text("brings Mab in").wait_for(timeout=ANSWER_MS)
    await bring_in(page, "mab", "Mab")
    hello = spoken_by(page, "Mab").first
    await expect(hello.get_by_test_id("message-content")).to_contain_text(
        "Who dreams so loudly here?", timeout=ANSWER_MS
    )
    colour = await hello.get_by_test_id("avatar").locator("img").evaluate(_MIDDLE)
    assert colour == pytest.approx([200, 30, 120], abs=12)


async def test_ctrl_c_ends_everything_while_somebody_speaks(start_program: StartProgram) -> None:
    program = start_program()
    program.wait_for_log('"kind": "embedded"')
    names = {process.name() for process in program.processes()}
    async with visit(program.url) as ada:
        await ada.say(f"@{FIRST} tell me everything")
        await ada.sees(lambda message: message.author == FIRST)
    seconds = await asyncio.to_thread(program.press_ctrl_c)
    assert {"raylet", "postgres"} <= names
    assert seconds < STOP_S
    assert program.exit_code == 0
    assert _left_by(program) == []
    assert not re.search(r"Traceback|\"level\": \"error\"", program.log), program.log


def _left_by(program: Program) -> list[str]:
    """What still runs a moment later: whoever was told to end may need that to be gone."""
    try:
        wait_for(lambda: not program.processes(), 2.0, "everything ended")
    except AssertionError:
        return [_described(process) for process in program.processes()]
    return []


def _described(process: psutil.Process) -> str:
    return f"{process.pid} {' '.join(process.cmdline())[:200]}"


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), (200, 30, 120)).save(file, "PNG")
    return file.getvalue()


_MIDDLE = """async image => {
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    return [...context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data].slice(0, 3);
}"""
