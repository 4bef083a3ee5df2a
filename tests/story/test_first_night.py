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
QUESTIONS = (
    "tell me what happens tonight, and do not leave anything out",
    "will there be a storm, and who will be at sea?",
    "describe the king, his goat and their long journey home",
)
"""The demonstration model may say something very short, which has no time to grow."""
RECORD_GROWTH = """name => {
    const spoken = () => [...document.querySelectorAll(`[data-author="${name}"]`)];
    const before = new Set(spoken().map((message) => message.dataset.messageId));
    window.growth = [];
    const note = () => {
        const message = spoken().find((each) => !before.has(each.dataset.messageId));
        const content = message?.querySelector('[data-testid="message-content"]');
        const text = content?.innerText.replace('(edited)', '').trim();
        if (!text || window.growth.at(-1) === text) return;
        window.growth.push(text);
        window.grewAt = performance.now();
    };
    const everything = { subtree: true, childList: true, characterData: true };
    window.watcher?.disconnect();
    window.watcher = new MutationObserver(note);
    window.watcher.observe(document.body, everything);
}"""
WAIT_FOR_REST = """async within => {
    const started = performance.now();
    const rests = () => window.growth.length > 1 && performance.now() - window.grewAt > 2500;
    const pause = () => new Promise((done) => setTimeout(done, 100));
    while (!rests() && performance.now() - started < within) await pause();
    return window.growth;
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


def face_of(message: Locator) -> Locator:
    """The picture beside a message."""
    return message.get_by_test_id("avatar").locator("img").first


async def grown(page: Page) -> list[str]:
    """Return the states of the new message that `RECORD_GROWTH` watched, once it grows no more."""
    growth: list[str] = await page.evaluate(WAIT_FOR_REST, ANSWER_MS)
    return growth


def _greeting(name: str) -> str:
    return next(" ".join(p.first_message.split()) for p in read_company() if p.name == name)


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


async def test_two_characters_are_on_stage_from_the_start_and_greet(page: Page) -> None:
    for name in (FIRST, SECOND):
        await expect(spoken_by(page, name).first).to_contain_text(_greeting(name)[:12], timeout=ANSWER_MS)
        assert await face_of(spoken_by(page, name).first).evaluate(LOADED)


async def test_a_character_types_and_answers_in_words_that_grow_under_its_name_and_face(page: Page) -> None:
    for question in QUESTIONS:
        await page.evaluate(RECORD_GROWTH, FIRST)
        await say(page, f"@{FIRST} {question}")
        await expect(page.get_by_test_id("typing")).to_contain_text("typing", timeout=ANSWER_MS)
        growth = await grown(page)
        if len(growth) > EDITS:
            break
    assert len(growth) > EDITS, growth
    growing = growth[:-1]  # the last edit has the final word, and may take back an unfinished sentence
    assert all(len(earlier) < len(later) for earlier, later in pairwise(growing)), growth
    assert await face_of(spoken_by(page, FIRST).last).evaluate(LOADED)


async def test_a_reply_to_a_character_is_answered_by_it(page: Page) -> None:
    greeting = spoken_by(page, SECOND).first
    await greeting.hover(timeout=ANSWER_MS)
    await greeting.get_by_test_id("action-reply").click()
    await page.evaluate(RECORD_GROWTH, SECOND)
    await say(page, "And what was your line?")
    assert await grown(page)


async def test_somebody_is_brought_in_by_the_form_and_greets(page: Page) -> None:
    await bring_in(page, THIRD[:4].lower(), THIRD)
    await expect(spoken_by(page, THIRD).first).to_contain_text(_greeting(THIRD)[:40], timeout=ANSWER_MS)


async def test_a_character_of_ones_own_comes_with_its_picture(page: Page) -> None:
    await use(page, "/character create")
    await page.get_by_test_id("option-add").filter(has_text="picture").click()
    await page.get_by_test_id("file-input").set_input_files(
        {"name": "mab.png", "mimeType": "image/png", "buffer": _picture()}
    )
    await page.get_by_test_id("command-run").click()
    form = page.get_by_test_id("modal")
    await form.get_by_role("textbox", name="Name").fill("Mab")
    await form.get_by_role("textbox", name="Who they are").fill("The queen of small dreams.")
    await form.get_by_role("textbox", name="First message").fill("Who dreams so loudly here?")
    await form.get_by_test_id("modal-submit").click()
    await page.get_by_text("brings Mab in").wait_for(timeout=ANSWER_MS)
    await bring_in(page, "mab", "Mab")
    hello = spoken_by(page, "Mab").first
    await expect(hello.get_by_test_id("message-content")).to_contain_text(
        "Who dreams so loudly here?", timeout=ANSWER_MS
    )
    colour = await face_of(hello).evaluate(_MIDDLE)
    assert colour == pytest.approx([200, 30, 120], abs=12)


async def test_ctrl_c_ends_everything_while_somebody_speaks(start_program: StartProgram) -> None:
    program = start_program()
    program.wait_for_log('"kind": "embedded"')
    names = {process.name() for process in program.processes()}
    async with visit(program.url) as ada:
        said = await ada.say(f"@{FIRST} tell me everything")
        await ada.hears(FIRST, "", after=said)
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
