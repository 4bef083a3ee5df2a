"""Commands: typed, filled in, suggested, answered; forms, buttons and selects."""

import pytest
from playwright.async_api import Page, expect

from tests.browser_fixtures import OpenPage
from tests.sandbox_page.conftest import House

pytestmark = pytest.mark.browser


async def choose(page: Page, typed: str) -> None:
    """Type a slash command and take the first suggestion."""
    await page.get_by_test_id("composer-input").fill(typed)
    await page.get_by_test_id("suggestion").first.wait_for()
    await page.keyboard.press("Enter")


@pytest.mark.usefixtures("bot")
async def test_a_command_is_filled_in_with_suggestions_and_answered_to_one_person(
    page: Page, house: House, open_page: OpenPage
) -> None:
    other = await open_page(house.address.url)
    await other.get_by_test_id("switch-user").click()
    await other.get_by_test_id("person").filter(has_text="Björn").click()
    await choose(page, "/add-pers")
    await page.get_by_test_id("option-input").fill("ferr")
    await page.get_by_test_id("autocomplete-choice").filter(has_text="Old Ferro").wait_for()
    await page.keyboard.press("Enter")
    await page.get_by_test_id("option-add").filter(has_text="greet").click()
    await page.get_by_test_id("picker-button").click()
    await page.get_by_test_id("picker-option").filter(has_text="Yes").click()
    await page.get_by_test_id("command-run").click()
    await expect(page.get_by_test_id("thinking")).to_contain_text("Troupe is thinking")
    await expect(page.get_by_test_id("message-content")).to_contain_text("Old Ferro is here and waves.")
    await expect(page.get_by_test_id("only-you")).to_be_visible()
    await expect(other.get_by_test_id("message")).to_have_count(0)


@pytest.mark.usefixtures("bot")
async def test_what_only_one_person_sees_can_be_dismissed(page: Page) -> None:
    await choose(page, "/add-pers")
    await page.get_by_test_id("option-input").fill("Wren")
    await page.get_by_test_id("command-run").click()
    await page.get_by_test_id("message-content").wait_for()
    await page.get_by_test_id("dismiss").click()
    await expect(page.get_by_test_id("message")).to_have_count(0)


@pytest.mark.usefixtures("bot")
async def test_a_needed_option_is_asked_for(page: Page) -> None:
    await choose(page, "/add-pers")
    await page.get_by_test_id("command-run").click()
    await expect(page.get_by_test_id("toast")).to_contain_text("“name” is needed")


@pytest.mark.usefixtures("bot")
async def test_a_command_that_needs_nothing_runs_or_is_left_by_one_key(page: Page) -> None:
    await choose(page, "/guide")
    await expect(page.get_by_test_id("command-run")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("composer-input")).to_be_focused()
    await choose(page, "/guide")
    await expect(page.get_by_test_id("command-run")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("message-content")).to_have_text("About everything.")


@pytest.mark.usefixtures("bot")
async def test_a_form_is_filled_in_and_sent(page: Page) -> None:
    await choose(page, "/create")
    await page.get_by_role("textbox", name="Name").fill("Mab")
    await page.get_by_role("textbox", name="How they speak").fill("In riddles\nand rhymes")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("message-content")).to_have_text("Mab steps out of the wings.")
    await expect(page.get_by_test_id("modal")).to_have_count(0)


@pytest.mark.usefixtures("bot")
async def test_a_form_says_what_is_missing_and_stays(page: Page) -> None:
    await choose(page, "/create")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("toast")).to_contain_text("still empty")
    await expect(page.get_by_test_id("modal")).to_be_visible()


@pytest.mark.usefixtures("bot")
async def test_buttons_and_selects_reach_the_bot(page: Page) -> None:
    await choose(page, "/panel")
    await page.get_by_test_id("picker-button").click()
    await page.get_by_test_id("picker-option").filter(has_text="Wren").click()
    await expect(page.get_by_test_id("log").get_by_text("Wren takes a bow.")).to_be_visible()
    await page.get_by_test_id("component-button").click()
    await expect(page.get_by_test_id("message-content").first).to_contain_text("Applause!")


@pytest.mark.usefixtures("bot")
async def test_a_bot_that_does_not_answer_is_named(page: Page) -> None:
    await choose(page, "/silence")
    await expect(page.get_by_test_id("toast")).to_have_text("The application did not respond.")


@pytest.mark.usefixtures("bot")
async def test_a_file_goes_along_with_a_command(page: Page) -> None:
    await choose(page, "/portrait")
    await page.get_by_test_id("file-input").set_input_files(
        {"name": "face.png", "mimeType": "image/png", "buffer": b"12345"}
    )
    await page.get_by_test_id("command-run").click()
    await expect(page.get_by_test_id("message-content")).to_have_text("face.png, 5 bytes")


@pytest.mark.usefixtures("bot")
async def test_a_command_on_a_message_is_in_its_menu(page: Page, house: House) -> None:
    house.person(1).send(house.stage, "To be")
    message = page.get_by_test_id("message").first
    await message.hover()
    await message.get_by_test_id("action-more").click()
    await page.get_by_test_id("menu-app").filter(has_text="Read aloud").click()
    await expect(page.get_by_test_id("log").get_by_text("“To be”")).to_be_visible()
